package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Simulated messages have the bytes of those that are sent. */
class MessageBytesTest {
    private static final ModelConfig TINY = Presets.config("tiny");
    private static final ModelWeights WEIGHTS = RandomWeights.create(TINY, 1);
    private static final int BATCH = 6;

    /** With one expert rank they do not depend on what the router chooses. */
    @ParameterizedTest
    @EnumSource(CombineMode.class)
    void aDecodeStepSendsWhatTheSimulatorSays(CombineMode combine) {
        Plan plan = Planning.plan(TINY, Layout.separated(2, 1).withCombine(combine).withMicroBatches(3));
        SimulationResult simulated = new Simulation(
                plan, Clusters.named("a100x4"),
                Scenario.decode(BATCH, 8).with(Conditions.USUAL.withFormats(DataType.F32, 4))).run(false);

        List<RunResult.RankReport> some = run(plan, 3).ranks();
        List<RunResult.RankReport> more = run(plan, 4).ranks();

        for (int rank = 0; rank < 3; rank++) {
            // Each message of the executor begins with the number of its rows.
            int messages = TINY.layers().size() * 3 * (rank < 2 ? 1 : 2);
            assertThat((double) more.get(rank).bytesSent() - some.get(rank).bytesSent())
                    .as("bytes that rank %d sends in a step", rank)
                    .isEqualTo(simulated.ranks().get(rank).work().bytesSent() + 4.0 * messages, within(1e-6));
        }
        int rows = combine == CombineMode.SUMS ? 1 : TINY.layers().getFirst().routing().slots();
        assertThat(simulated.ranks().get(2).work().bytesSent())
                .as("answers of the expert rank")
                .isEqualTo(TINY.layers().size() * BATCH * rows * 4.0 * (TINY.hidden() + 1), within(1e-6));
    }

    /** Where every row goes to all experts, bytes do not depend on the router. */
    @ParameterizedTest
    @EnumSource(CombineMode.class)
    void rowsThatCrossToANodeOnceHaveTheSimulatorsBytes(CombineMode combine) {
        ModelConfig config = TINY.withTopK(TINY.maxExperts());
        ModelWeights weights = RandomWeights.create(config, 1);
        Plan plan = Planning.plan(config, Layout.separated(2, 4).withCombine(combine)
                .withDispatch(new Dispatch(List.of(0, 1, 0, 1, 1, 1))).withMicroBatches(2));
        SimulationResult simulated = new Simulation(
                plan, Clusters.named("a100x8"),
                Scenario.decode(BATCH, 8).with(Conditions.USUAL.withFormats(DataType.F32, 4))).run(false);

        List<RunResult.RankReport> some = run(plan, weights, 3).ranks();
        List<RunResult.RankReport> more = run(plan, weights, 4).ranks();

        for (int rank = 0; rank < 6; rank++) {
            // Dispatch messages and answers begin with the number of their rows, forwarded ones with one such number:
            // rank 0 is the only one that asks rank 3, 4 and 5 from another node, and rank 1 asks rank 2 alone there.
            int numbers = rank < 2 ? 4 : rank == 2 ? 2 : 2 + 2;
            assertThat((double) more.get(rank).bytesSent() - some.get(rank).bytesSent())
                    .as("bytes that rank %d sends in a step", rank)
                    .isEqualTo(simulated.ranks().get(rank).work().bytesSent()
                            + 4.0 * 2 * config.layers().size() * numbers, within(1e-6));
        }
    }

    /** The same where ranks ask and serve alike: two nodes of two. */
    @ParameterizedTest
    @EnumSource(CombineMode.class)
    void expertParallelRowsThatCrossOnceHaveTheSimulatorsBytes(CombineMode combine) {
        ModelConfig config = TINY.withTopK(TINY.maxExperts());
        ModelWeights weights = RandomWeights.create(config, 1);
        Plan plan = Planning.plan(config, Layout.expertParallel(4).withCombine(combine)
                .withDispatch(Dispatch.byNode(4, rank -> rank / 2)));
        SimulationResult simulated = new Simulation(
                plan, Clusters.named("a100x8"),
                Scenario.decode(BATCH, 8).with(Conditions.USUAL.withFormats(DataType.F32, 4))).run(false);

        List<RunResult.RankReport> some = run(plan, weights, 3).ranks();
        List<RunResult.RankReport> more = run(plan, weights, 4).ranks();

        for (int rank = 0; rank < 4; rank++) {
            // Six messages of the two exchanges, and one that is forwarded for two askers.
            int numbers = 6 + 2;
            assertThat((double) more.get(rank).bytesSent() - some.get(rank).bytesSent())
                    .as("bytes that rank %d sends in a step", rank)
                    .isEqualTo(simulated.ranks().get(rank).work().bytesSent()
                            + 4.0 * config.layers().size() * numbers, within(1e-6));
        }
    }

    private static RunResult run(Plan plan, int tokens) {
        return run(plan, WEIGHTS, tokens);
    }

    private static RunResult run(Plan plan, ModelWeights weights, int tokens) {
        List<int[]> prompts = IntStream.range(0, BATCH).mapToObj(i -> new int[] {i, 7}).toList();
        try (PlanExecutor executor = new PlanExecutor(
                plan,
                new Job(weights, Workload.greedy(prompts, tokens).ignoringEos(), ExecutionOptions.defaults()))) {
            return executor.run();
        }
    }
}
