package io.maseparation.parallel.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.parallel.layout.ExpertGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class PlacesTest {
    private static final double ROUNDING = 1e-9;

    @Property(tries = 300)
    void expertsAreAllThereAndTheHeaviestGroupGetsNoHeavier(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int groups = 1 + random.nextInt(6);
        int experts = groups + random.nextInt(20);
        double[] weights = random.doubles(experts).map(w -> random.nextInt(3) == 0 ? 0 : w * w * w).toArray();
        List<List<Integer>> present = new ArrayList<>();
        for (int e = 0; e < experts; e++) {
            int first = e < groups ? e : random.nextInt(groups);
            int second = random.nextInt(groups);
            present.add(first == second || random.nextInt(4) > 0
                    ? List.of(first)
                    : List.of(Math.min(first, second), Math.max(first, second)));
        }

        List<List<Integer>> refined =
                ExpertPlaces.refined(weights, new ExpertGroups.Layer(present), groups).groupsOf();

        assertThat(refined).hasSize(experts).noneMatch(List::isEmpty);
        assertThat(refined.stream().flatMap(List::stream).distinct()).hasSize(groups);
        double most = most(weights, present, groups);
        assertThat(most(weights, refined, groups)).isLessThanOrEqualTo(most + ROUNDING);
    }

    @Test
    void twoHotExpertsComeApartInOneMove() {
        double[] weights = {8, 8, 1, 1};
        assertThat(ExpertPlaces.refined(weights, ExpertGroups.Layer.of(List.of(0, 0, 1, 1)), 2).groupsOf())
                .isEqualTo(List.of(List.of(1), List.of(0), List.of(0), List.of(1)));
        assertThat(ExpertPlaces.refined(weights, ExpertGroups.Layer.of(List.of(0, 1, 0, 1)), 2).groupsOf())
                .as("what is even stays").isEqualTo(List.of(List.of(0), List.of(1), List.of(0), List.of(1)));
    }

    @Property(tries = 300)
    void sequencesHaveOwnersAndTheHeaviestGroupGetsNoHeavier(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int n = 1 + random.nextInt(20);
        int before = 1 + random.nextInt(5);
        int groups = 1 + random.nextInt(5);
        List<Integer> owners = IntStream.range(0, n).mapToObj(i -> random.nextInt(-1, before)).toList();
        double[] weights = IntStream.range(0, n)
                .mapToDouble(i -> owners.get(i) < 0 ? 0 : 1 + random.nextInt(500)).toArray();

        List<Integer> refined = SequencePlaces.refined(owners, weights, groups);

        for (int i = 0; i < n; i++) {
            assertThat(refined.get(i)).isBetween(owners.get(i) < 0 ? -1 : 0, owners.get(i) < 0 ? -1 : groups - 1);
        }
        double[] load = new double[groups];
        IntStream.range(0, n).filter(i -> refined.get(i) >= 0).forEach(i -> load[refined.get(i)] += weights[i]);
        double most = Arrays.stream(load).max().orElseThrow();
        if (groups >= before) {
            double[] old = new double[before];
            IntStream.range(0, n).filter(i -> owners.get(i) >= 0).forEach(i -> old[owners.get(i)] += weights[i]);
            assertThat(most).isLessThanOrEqualTo(Arrays.stream(old).max().orElseThrow());
        }
        double mean = Arrays.stream(weights).sum() / groups;
        assertThat(most).isLessThanOrEqualTo(mean + Arrays.stream(weights).max().orElseThrow());
    }

    @Test
    void loadsAreAveragedAndOldOnesFade() {
        LoadAverages averages = new LoadAverages(10);
        averages.update(new long[][] {{600, 400}}, 10);
        assertThat(averages.rowsPerStep()).isEqualTo(new double[][] {{60, 40}});
        averages.update(new long[][] {{1160, 840}}, 20);
        assertThat(averages.rowsPerStep()).isEqualTo(new double[][] {{58, 42}});
        averages.update(new long[][] {{1160, 840}}, 20);
        assertThat(averages.rowsPerStep()).as("no step, nothing new").isEqualTo(new double[][] {{58, 42}});
    }

    @Test
    void loadsThatBecameOthersAreNotMixedWithWhatWasBefore() {
        LoadAverages averages = new LoadAverages(10);
        averages.update(new long[][] {{600, 400}, {600, 400}}, 10);
        averages.update(new long[][] {{800, 1200}, {1200, 800}}, 20);
        assertThat(averages.rowsPerStep()).as("by layer").isEqualTo(new double[][] {{20, 80}, {60, 40}});

        LoadAverages few = new LoadAverages(10);
        few.update(new long[][] {{5, 5}}, 10);
        few.update(new long[][] {{12, 8}}, 20);
        assertThat(few.rowsPerStep()).as("so few rows are others by chance").isEqualTo(new double[][] {{0.6, 0.4}});
    }

    private static double most(double[] weights, List<List<Integer>> places, int groups) {
        double[] load = new double[groups];
        for (int e = 0; e < weights.length; e++) {
            for (int group : places.get(e)) {
                load[group] += weights[e] / places.get(e).size();
            }
        }
        return Arrays.stream(load).max().orElseThrow();
    }
}
