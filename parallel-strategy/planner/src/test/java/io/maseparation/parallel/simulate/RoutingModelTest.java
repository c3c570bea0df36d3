package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RoutingModelTest {
    private static final ModelConfig SEED = Presets.config("seed");

    @TempDir
    Path folder;

    @Property(tries = 200)
    void chosenExpertsAreDistinctAndReproducible(@ForAll long seed, @ForAll @IntRange(min = 1, max = 64) int experts) {
        SplittableRandom random = new SplittableRandom(seed);
        RoutingModel routing = RoutingModel.zipf(random.nextInt(30) / 10.0);
        int[] chosen = new int[1 + random.nextInt(experts)];
        int step = random.nextInt(100);
        int layer = random.nextInt(64);
        long row = random.nextInt(100_000);
        routing.choose(seed, step, layer, row, chosen, experts);
        assertThat(Arrays.stream(chosen).distinct().count()).isEqualTo(chosen.length);
        assertThat(Arrays.stream(chosen).allMatch(e -> e >= 0 && e < experts)).isTrue();
        int[] again = new int[chosen.length];
        routing.remembering(100).choose(seed, step, layer, row, again, experts);
        assertThat(again).isEqualTo(chosen);
    }

    /** Shares of 16 experts over many rows and layers: within five standard deviations. */
    @Test
    void uniformIsUniformAndRowsAreIndependent() {
        RoutingModel routing = RoutingModel.uniform();
        int rows = 40_000;
        int[] counts = new int[16];
        int[] chosen = new int[2];
        int[] before = new int[2];
        int same = 0;
        for (int row = 0; row < rows; row++) {
            routing.choose(7, 3, 1, row, chosen, 16);
            counts[chosen[0]]++;
            // The second choice of a row must not be the first of the next one.
            same += row > 0 && chosen[0] == before[1] ? 1 : 0;
            before = chosen.clone();
        }
        double deviation = Math.sqrt(rows / 16.0);
        for (int count : counts) {
            assertThat((double) count).isEqualTo(rows / 16.0, within(5 * deviation));
        }
        assertThat((double) same).isEqualTo(rows / 16.0, within(5 * deviation));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.6, 1.2})
    void theFirstChoiceFollowsZipf(double exponent) {
        RoutingModel routing = RoutingModel.zipf(exponent);
        int rows = 50_000;
        int[] counts = new int[8];
        int[] chosen = new int[1];
        for (int row = 0; row < rows; row++) {
            routing.choose(11, 0, 0, row, chosen, 8);
            counts[chosen[0]]++;
        }
        Arrays.sort(counts);
        double sum = 0;
        for (int i = 1; i <= 8; i++) {
            sum += Math.pow(i, -exponent);
        }
        for (int i = 1; i <= 8; i++) {
            double expected = rows * Math.pow(i, -exponent) / sum;
            assertThat((double) counts[8 - i]).isEqualTo(expected, within(5 * Math.sqrt(expected)));
        }
    }

    @Test
    void popularExpertsChangeEverySoManySteps() {
        RoutingModel routing = RoutingModel.parse("drift:3:10", SEED);
        int[] favourites = new int[30];
        for (int step = 0; step < favourites.length; step++) {
            int[] counts = new int[16];
            int[] chosen = new int[1];
            for (int row = 0; row < 200; row++) {
                routing.choose(5, step, 2, row, chosen, 16);
                counts[chosen[0]]++;
            }
            favourites[step] =
                    IntStream.range(0, 16).boxed().max(Comparator.comparingInt(e -> counts[e])).orElseThrow();
        }
        for (int step = 0; step < favourites.length; step++) {
            assertThat(favourites[step]).isEqualTo(favourites[step / 10 * 10]);
        }
        assertThat(Arrays.stream(favourites).distinct().count()).isGreaterThan(1);
    }

    /** Many at once, remembered or not, and from a later step on: the same as one by one. */
    @Property(tries = 100)
    void rowsChooseTheSameExpertsHoweverTheyAreAsked(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        RoutingModel routing = List.of(
                RoutingModel.zipf(1.2),
                RoutingModel.drifting(0.6, 1 + random.nextInt(9)),
                RoutingModel.loads(new double[][] {random.doubles(12).toArray()})).get(random.nextInt(3));
        int first = random.nextInt(50);
        int step = random.nextInt(50);
        long[] rows = random.longs(20, 0, 40).toArray();
        int[] all = new int[60];
        int[] remembered = new int[60];
        routing.from(first).chooseAll(seed, step, 0, rows, 3, all, 12);
        routing.from(first).remembering(30).chooseAll(seed, step, 0, rows, 3, remembered, 12);
        int[] one = new int[3];
        for (int i = 0; i < rows.length; i++) {
            routing.choose(seed, first + step, 0, rows[i], one, 12);
            assertThat(Arrays.copyOfRange(all, 3 * i, 3 * i + 3)).isEqualTo(one);
        }
        assertThat(remembered).isEqualTo(all);
    }

    @Test
    void recordedChoicesAreTaken() throws IOException {
        Path file = folder.resolve("trace.json");
        Files.writeString(file, "{\"layers\": [[[0, 1], [2, 3], [15, 4]], [[5, 6]]]}");
        RoutingModel routing = RoutingModel.parse(file.toString(), SEED);
        int[] chosen = new int[2];
        routing.choose(0, 0, 0, 2, chosen, 16);
        assertThat(chosen).containsExactly(15, 4);
        routing.choose(0, 3, 3, 9, chosen, 16);
        assertThat(chosen).containsExactly(5, 6);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"layers\": [[[0, 1], [2, 16]]]} | layer 0, token 1: expert 16, but the model has 16",
        "{\"layers\": [[[0, 1, 2]]]} | layer 0, token 0: is not a list of 2 experts",
        "{\"layers\": [[[3, 3]]]} | layer 0, token 0: expert 3 is there twice",
        "{\"layers\": [[[0, -1]]]} | -1 is not the number of an expert",
        "{\"layers\": [[]]} | layer 0 is not a list",
        "{\"layers\": []} | layers is not a list",
        "{\"layers\": [[[0, 1]]], \"top_k\": 2} | there is no field top_k; layers is all there is",
        "{\"layer\": [[[0, 1]]]} | there is no field layer;",
        "[] | not a JSON object"
    })
    void tracesThatDoNotFitTheModelAreRefused(String text, String message) throws IOException {
        Path file = folder.resolve("trace.json");
        Files.writeString(file, text);
        assertThatThrownBy(() -> RoutingModel.parse(file.toString(), SEED))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(file.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"zipf:", "zipf:-1", "zipf:11", "zipf:x", "zipf:NaN", "zipfian", "", "no/such/file",
        "drift:", "drift:1",
        "drift:1:0", "drift:1:x", "drift:11:5", "drift::5", "zipf:1f", "zipf:0x1p3", "zipf: 1", "zipf:1e999",
        "drift:1d:5",
        "drift:1: 5", "drift:1:٣", "drift:1:99999999999"})
    void unknownRoutingsAreRefused(String text) {
        assertThatThrownBy(() -> RoutingModel.parse(text, SEED))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("'routing'");
    }
}
