package io.maseparation.parallel.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PlanFileTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    @TempDir
    Path temp;

    static Stream<Layout> layouts() {
        return ProgramCheckerTest.layouts();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aPlanComesBackAsItWas(Layout layout) {
        Setup all = layout.withMicroBatches(3).withSchedule(Schedule.BARRIER);
        List<Integer> devices =
                new ArrayList<>(IntStream.range(0, layout.ranks()).map(i -> 3 * i).boxed().toList());
        Collections.reverse(devices);
        Plan plan = Planning.plan(TINY, all).withDevices(devices);
        PlanFile written = PlanFile.of(plan).madeFor("a cluster", 48, 4096);
        Path file = temp.resolve("plan.json");
        written.write(file);
        PlanFile read = PlanFile.read(file);

        assertThat(read).isEqualTo(written);
        Plan again = read.toPlan(TINY);
        assertThat(again.setup()).isEqualTo(plan.setup());
        assertThat(again.devices()).isEqualTo(devices);
        assertThat(again.ranks()).isEqualTo(plan.ranks());
        assertThat(temp.toFile().list()).containsExactly("plan.json");
    }

    @Test
    void aPlacementIsKeptWhereItIsNotTheEvenOne() {
        Setup setup = Layout.separated(1, 2).withMicroBatches(1);
        ExpertGroups alternating = ExpertGroups.of(TINY.layers().stream()
                .map(l -> IntStream.range(0, l.routing().experts()).map(e -> e % 2).boxed().toList())
                .toList());
        Plan plan = Planning.plan(TINY, setup, Optional.of(alternating));
        Path file = temp.resolve("plan.json");
        PlanFile.of(plan).write(file);

        assertThat(PlanFile.of(Planning.plan(TINY, setup)).experts()).isEmpty();
        assertThat(PlanFile.read(file).experts()).contains(alternating);
        assertThat(PlanFile.read(file).toPlan(TINY).placement().holders(0, 3)).containsExactly(2);
    }

    /** So that programs that do not know it read the other files. */
    @Test
    void rowsThatAreSentToEachRankAreNotMentioned() throws IOException {
        Path file = temp.resolve("plan.json");
        PlanFile.of(Planning.plan(TINY, Layout.separated(1, 2))).write(file);

        assertThat(Files.readString(file)).doesNotContain("dispatch").doesNotContain("nodes");
    }

    @Test
    void onlyExpertsElsewhereHaveRowsThatCross() throws IOException {
        Path file = temp.resolve("plan.json");
        PlanFile.of(Planning.plan(TINY, Layout.tensorPipeline(2, 1))).write(file);
        Files.writeString(file, Files.readString(file)
                .replace("\"combine\": \"experts\"", "\"dispatch\": \"node\", \"nodes\": [0, 1]"));

        assertThatThrownBy(() -> PlanFile.read(file))
                .hasMessageEndingWith(
                        "layout: strategy tp-pp: dispatch node needs strategy ep or ma, but the strategy is tp-pp");
    }

    @Test
    void aPlanForAnotherModelIsRefused() {
        PlanFile file = PlanFile.of(Planning.plan(TINY, Layout.single()));
        assertThatThrownBy(() -> file.toPlan(Presets.config("seed")))
                .isInstanceOf(PlanException.class)
                .hasMessageStartingWith("the plan is for model tiny (4 layers")
                .hasMessageContaining("seed (");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            'version': 1            | 'version': 2                     | version is 2; this program reads version 1
            'version': 1,           | ''                               | version is missing
            'version': 1            | 'version': 'x'                   | version is not a whole number
            'model': 'tiny'         | 'model': 7                       | model is not a string
            'model': 'tiny',        | ''                               | model is missing
            'layers': 4             | 'layers': -4                     | model_shape: layers is -4, outside
            'layers': 4,            | ''                               | model_shape: layers is missing
            'layers': 4,            | 'layers': 4, 'size': 2,          | model_shape: there is no field size
            'version': 1,           | 'version': 1, 'devcies': [],     | there is no field devcies
            'strategy': 'ma'        | 'strategy': 'mma'                | layout: strategy is not one of single, tp-pp, ep, ma
            'strategy': 'ma'        | 'strategy': 'ep'                 | is not a size of strategy ep
            'expert_devices': 2     | 'expert_devices': 0              | layout: expert_devices is 0, outside 1 to
            'expert_devices': 2     | 'expert_devices': 1e9            | layout: expert_devices is 1.0E9, outside
            'expert_devices': 2     | 'expert_devices': 2.5            | layout: expert_devices is not a whole number
            'expert_devices': 2     | 'expert_devices': 65536          | layout: strategy ma: the layout has more than
            'micro_batches': 1      | 'micro_batches': 65536           | layout: micro_batches is 65536, outside 1 to 4096
            'expert_devices': 2     | 'expert_devices': 3              | devices names 3 devices for 4 ranks
            'schedule': 'async'     | 'schedule': 'sync'               | layout: schedule is neither async nor barrier
            'combine': 'experts'    | 'combine': 'sum'                 | layout: combine is neither experts nor sums
            'combine': 'experts'    | 'dispatch': 'nodes'              | layout: dispatch is neither direct nor node
            'combine': 'experts'    | 'dispatch': 'node'               | layout: nodes is missing, which dispatch node needs
            'combine': 'experts'    | 'nodes': [0, 0, 1]               | layout: nodes needs dispatch node
            'combine': 'experts'    | 'dispatch': 'node', 'nodes': []  | layout: nodes is empty, but names
            'combine': 'experts'    | 'dispatch': 'node', 'nodes': [0] | layout: strategy ma: dispatch names the nodes of 1 ranks
            'combine': 'experts'    | 'dispatch': 'node', 'nodes': [0, 1, -1] | layout: nodes is -1, outside
            'combine': 'experts'    | 'dispatch': 'node', 'nodes': [0, 1, 65536] | nodes are numbered from 0 to 65535
            'devices': [0, 1, 2]    | 'devices': [0, -1, 2]            | devices is -1, outside
            'devices': [0, 1, 2]    | 'devices': [0, 'a', 2]           | devices is not a whole number
            'devices': [0, 1, 2]    | 'batch': 1                       | devices is missing
            'devices': [0, 1, 2]    | 'devices': [0, 1, 2], 'batch': 0 | batch is 0, outside
            'devices': [0, 1, 2]    | 'devices': [0, 1, 2], 'batch': 2147483647 | batch is 2147483647, outside
            'devices': [0, 1, 2]    | 'devices': [0, 1, 2], 'expert_placement': [1] | expert_placement is not an array
            'devices': [0, 1, 2]    | 'devices': [0, 1, 2], 'cluster': 'a\\nb' | cluster is not a name
            }                       | ]                                | not valid JSON
            """)
    void aBadFieldIsNamed(String found, String instead, String message) throws IOException {
        Path file = temp.resolve("plan.json");
        PlanFile.of(Planning.plan(TINY, Layout.separated(1, 2))).write(file);
        String text = Files.readString(file).replaceAll("\\s+", " ").replace("[ ", "[").replace(" ]", "]");
        String changed = text.replace(found.replace('\'', '"'), instead.equals("''") ? "" : instead.replace('\'', '"'));
        assertThat(changed).isNotEqualTo(text);
        Files.writeString(file, changed);

        assertThatThrownBy(() -> PlanFile.read(file))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(message)
                .extracting(Throwable::getMessage)
                .asString()
                .doesNotContain("\n");
    }

    @Test
    void aPlacementThatDoesNotFitIsRefused() {
        assertPlacement(List.of(List.of(0)), "expert_placement has 1 layer, the model 4");
        assertPlacement(placement(List.of(0, 1)), "expert_placement names 2 experts in layer 0, the model has 8");
        assertPlacement(placement(List.of(0, 1, 2, 0, 1, 0, 1, 0)), "expert_placement names expert group 2 in layer 0");
        assertPlacement(placement(List.of(0, 0, 0, 0, 0, 0, 0, 0)), "expert_placement leaves expert group 1 without");
    }

    private static List<List<Integer>> placement(List<Integer> layer) {
        return Collections.nCopies(4, layer);
    }

    private static void assertPlacement(List<List<Integer>> placement, String message) {
        assertThatThrownBy(() -> Planning.plan(
                TINY, Layout.separated(1, 2).withMicroBatches(1), Optional.of(ExpertGroups.of(placement))))
                .isInstanceOf(PlanException.class)
                .hasMessageStartingWith(message);
    }
}
