package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.adapt.Moves;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.ReplicaChoice;
import io.maseparation.parallel.layout.Target;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A simulated step sends each row to the replica that a run sends it to, on whatever devices. */
class ReplicasTest {
    private static final ModelConfig TINY = Presets.config("tiny");

    /** Few rows, whose experts are read, and many, which experts compute for. */
    @ParameterizedTest
    @CsvSource({"1, 6", "1, 512", "2, 6", "2, 4096"})
    void simulatedReplicasAreThoseOfARun(int attention, int batch) {
        Plan whole = Planning.plan(TINY, Layout.separated(attention, 4));
        double[][] loads = new double[TINY.layers().size()][TINY.maxExperts()];
        for (double[] layer : loads) {
            Arrays.setAll(layer, expert -> 1.0 / (1 + expert));
        }
        Plan plan = new Target(
                whole.setup(), Optional.of(Moves.places(whole, loads, whole.layout(), 4)), Optional.empty())
                .plan(whole);
        assertThat(plan.placement().experts().replicated()).isTrue();
        Scenario scenario = Scenario.decode(batch, 16).withRouting(RoutingModel.zipf(1), 3);
        Simulation simulation = new Simulation(plan, TestClusters.ideal(8), scenario);
        Batches batches = Batches.decode(new MemoryFit(simulation).shares(), 16, 1);
        ExpertLoads simulated = new ExpertLoads(simulation, batches);

        int replicas = 0;
        for (int layer = 0; layer < TINY.layers().size(); layer++) {
            int slots = TINY.layers().get(layer).routing().topK();
            for (int group = 0; group < attention; group++) {
                long[] rows = batches.of(group, 0, 0).ids();
                int[] chosen = new int[rows.length * slots];
                scenario.routing()
                        .chooseAll(scenario.seed(), 0, layer, rows, slots, chosen, TINY.maxExperts());
                // As an attention rank of a run chooses: by plan and routing alone.
                int[] run = new ReplicaChoice(TINY, plan.placement(), group).assign(layer, chosen, slots);
                for (int expertGroup = 0; expertGroup < 4; expertGroup++) {
                    int to = expertGroup;
                    assertThat(simulated.of(layer, 0, 0).pairs(group, to))
                            .isEqualTo((int) Arrays.stream(run).filter(g -> g == to).count());
                    assertThat(simulated.of(layer, 0, 0).rows(group, to)).isEqualTo((int) IntStream
                            .range(0, rows.length)
                            .filter(row -> Arrays.stream(run, row * slots, (row + 1) * slots).anyMatch(g -> g == to))
                            .count());
                }
                replicas += (int) IntStream.range(0, run.length)
                        .filter(i -> run[i] != plan.placement().experts().layers().getFirst().groupsOf().get(chosen[i])
                                .getFirst())
                        .count();
            }
        }
        if (batch > 100) {
            assertThat(replicas).as("rows that go to another replica than the first").isPositive();
        }
    }
}
