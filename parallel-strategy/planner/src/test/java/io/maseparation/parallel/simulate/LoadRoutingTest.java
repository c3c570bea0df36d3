package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class LoadRoutingTest {
    private static final Offset<Double> SAMPLING = Offset.offset(0.02);

    @Test
    void expertsAreAsPopularAsMeasuredAndNeverTwice() {
        RoutingModel routing = RoutingModel.loads(new double[][] {{6, 3, 1, 0}});
        int rows = 20_000;
        int[] first = new int[4];
        int[] one = new int[1];
        int[] three = new int[3];
        for (int row = 0; row < rows; row++) {
            routing.choose(7, 0, 0, row, one, 4);
            first[one[0]]++;
            routing.choose(7, 1, 0, row, three, 4);
            assertThat(Arrays.stream(three).distinct().count()).isEqualTo(3);
            assertThat(Arrays.stream(three).boxed()).allMatch(e -> e >= 0 && e < 4);
        }
        assertThat(first[0] / (double) rows).isCloseTo(0.6, SAMPLING);
        assertThat(first[1] / (double) rows).isCloseTo(0.3, SAMPLING);
        assertThat(first[2] / (double) rows).isCloseTo(0.1, SAMPLING);
        assertThat(first[3]).as("not impossible, and rare").isLessThan(rows / 100);
    }

    @Test
    void aLayerWithoutLoadsIsUniform() {
        RoutingModel routing = RoutingModel.loads(new double[][] {{0, 0, 0, 0}});
        int[] counts = new int[4];
        int[] one = new int[1];
        for (int row = 0; row < 20_000; row++) {
            routing.choose(7, 0, 0, row, one, 4);
            counts[one[0]]++;
        }
        assertThat(Arrays.stream(counts).boxed()).allSatisfy(c -> assertThat(c / 20_000.0).isCloseTo(0.25, SAMPLING));
    }

    /** Where all contexts are the same, a live step is the step that the simulator times. */
    @Test
    void aLiveStepIsAStepOfTheSimulator() {
        Plan plan =
                Planning.plan(Presets.config("mixtral-8x7b"), Layout.separated(4, 4));
        Scenario scenario = Scenario.decode(32, 1000).withSteps(8, 2);
        Simulation simulation = new Simulation(plan, TestClusters.ideal(8), scenario);
        SimulationResult whole = simulation.run(false);
        int[] contexts = new int[32];
        Arrays.fill(contexts, 1000);
        double ms = liveMs(simulation, contexts);
        assertThat(ms).isCloseTo(whole.tpotMs(), Offset.offset(0.02 * whole.tpotMs()));
        contexts[0] = 30_000;
        assertThat(liveMs(simulation, contexts)).isGreaterThan(1.02 * ms);
    }

    private static double liveMs(Simulation simulation, int[] contexts) {
        return LiveSteps.run(simulation, new MemoryFit(simulation).shares(), contexts)
                .meanMs(simulation.scenario().warmup());
    }
}
