package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.comm.ProcessesOfThreads;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A leader and its followers, each with what a process of its own would have: no message, no weights of others. */
@Timeout(120)
class ProcessesTest {
    private static final int PRESET_SEED = 1;
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), PRESET_SEED);
    private static final List<int[]> PROMPTS =
            List.of(new int[] {1, 2, 3, 4, 5, 6, 7}, new int[] {4}, new int[] {9, 8});
    private static final Workload SAMPLED = new Workload(
            PROMPTS, 12, true, Workload.Ending.NEVER, new Sampler(0.9, 0, 0.95, 0, 1.3, 7), true, 3, 10);

    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());

    @AfterEach
    void endThreads() {
        threads.shutdownNow();
    }

    static Stream<Setup> layouts() {
        return Stream.of(
                Layout.separated(1, 1).withMicroBatches(1),
                Layout.separated(3, 1).withMicroBatches(2),
                Layout.separated(2, 5).withMicroBatches(2),
                Layout.tensorPipeline(2, 2).withMicroBatches(2),
                Layout.expertParallel(3).withMicroBatches(1),
                Layout.single().withMicroBatches(1));
    }

    /** Ranks have their own part of the weights only: what they lack is not a number, and would show. */
    private static Job job(Plan plan, Processes process, RankLoader loader, Workload workload) {
        ModelWeights own = RandomWeights.create(
                TINY.config(), PRESET_SEED, plan.ranks().get(process.rank()).shard().wanted());
        return new Job(own, workload, ExecutionOptions.defaults(), loader, Optional.empty()).in(process);
    }

    private List<Future<?>> followers(Plan plan, ProcessesOfThreads processes, RankLoader loader, Workload workload) {
        List<Future<?>> followers = new ArrayList<>();
        for (int rank = 1; rank < plan.ranks().size(); rank++) {
            Processes process = processes.member(rank);
            followers.add(threads.submit(
                    () -> RankProcess.follow(plan, job(plan, process, loader, workload))));
        }
        return followers;
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void processesGiveTheBitsOfThreads(Setup setup) throws Exception {
        Plan plan = Planning.plan(TINY.config(), setup);
        RunResult expected;
        try (PlanExecutor executor = new PlanExecutor(plan, new Job(TINY, SAMPLED, ExecutionOptions.defaults()))) {
            expected = executor.run();
        }
        ProcessesOfThreads processes = new ProcessesOfThreads(plan.ranks().size());
        List<Future<?>> followers = followers(plan, processes, RankLoader.real(), SAMPLED);
        List<Integer> seen = new ArrayList<>();
        RunResult result;
        try (PlanExecutor executor =
                new PlanExecutor(plan, job(plan, processes.member(0), RankLoader.real(), SAMPLED))) {
            result = executor.run((sequence, token) -> seen.add(token));
            assertThat(executor.isAtRest()).isFalse();
        }
        for (Future<?> follower : followers) {
            follower.get(20, TimeUnit.SECONDS);
        }

        assertThat(seen).hasSize(PROMPTS.size() * SAMPLED.maxTokens());
        for (int i = 0; i < PROMPTS.size(); i++) {
            assertThat(result.outputs().get(i).tokenIds()).isEqualTo(expected.outputs().get(i).tokenIds());
            assertThat(result.outputs().get(i).promptLogits()).isEqualTo(expected.outputs().get(i).promptLogits());
        }
        assertThat(result.metrics().utilisation().imbalance()).isEqualTo(expected.metrics().utilisation().imbalance());
        for (int rank = 0; rank < plan.ranks().size(); rank++) {
            RunResult.RankReport report = result.ranks().get(rank);
            assertThat(report.bytesSent()).isEqualTo(expected.ranks().get(rank).bytesSent());
            assertThat(report.device()).isEqualTo(expected.ranks().get(rank).device());
            assertThat(report.times().busyMs()).isPositive();
        }
    }

    @Test
    void aFollowerThatCannotBeSetUpEndsItself() {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 1));
        ProcessesOfThreads processes = new ProcessesOfThreads(2);
        RankLoader fails = (rank, device, weights, capacity) -> {
            throw new IllegalStateException("planted");
        };

        assertThatThrownBy(() -> RankProcess.follow(plan, job(plan, processes.member(1), fails, SAMPLED)))
                .isInstanceOf(RunFailedException.class)
                .hasMessage("rank 1 (expert): IllegalStateException: planted");
    }

    /** As where a rank's messages make no sense: the leader says whose they are. */
    @Test
    void notesThatMakeNoSenseEndTheRunAndNameTheRank() {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 1));
        for (byte[] note : List.of(new byte[0], new byte[] {77}, new byte[] {3, 0, 0, 1, 0}, new byte[] {4, 1},
                new byte[] {3, 127, 0, 0, 0}, new byte[] {4, 0, 0, 0, 0, 0})) {
            ProcessesOfThreads processes = new ProcessesOfThreads(2);
            followers(plan, processes, RankLoader.real(), SAMPLED);
            try (PlanExecutor executor =
                    new PlanExecutor(plan, job(plan, processes.member(0), RankLoader.real(), SAMPLED))) {
                assertThatThrownBy(() -> executor.run((sequence, token) -> processes.member(1).tell(0, note)))
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageContaining("rank 1 sent a note of kind");
            }
        }
    }

    @Test
    void followersRefuseStepsThatDoNotFit() {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 1));
        // Slot 3 of 3; more sequences than bytes.
        for (byte[] note : List.of(new byte[] {2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0},
                new byte[] {2, 64, 0, 0, 0, 0, 0, 0, 0}, new byte[] {9})) {
            ProcessesOfThreads processes = new ProcessesOfThreads(2);
            Future<?> follower = followers(plan, processes, RankLoader.real(), SAMPLED).getFirst();
            processes.member(0).tell(1, note);

            assertThatThrownBy(() -> follower.get(20, TimeUnit.SECONDS))
                    .hasMessageContaining("rank 0 sent a note of kind " + note[0]);
        }
    }

    @Test
    void messagesThatDoNotMoveEndTheRun() {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 1));
        ProcessesOfThreads processes = new ProcessesOfThreads(2);
        followers(plan, processes, RankLoader.real(), SAMPLED);
        try (PlanExecutor executor =
                new PlanExecutor(plan, job(plan, processes.member(0), RankLoader.real(), SAMPLED))) {
            assertThatThrownBy(() -> executor.run((sequence, token) -> processes.breakDown(
                    0, new RunFailedException("MPI_Isend to rank 1 failed: planted", null))))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("MPI_Isend to rank 1 failed: planted");
        }
    }

    @Test
    void whatCannotBeIsRefused() {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 1));
        Processes three = new ProcessesOfThreads(3).member(0);
        Processes two = new ProcessesOfThreads(2).member(0);

        assertThatThrownBy(() -> new PlanExecutor(plan, job(plan, three, RankLoader.real(), SAMPLED)))
                .isInstanceOf(PlanException.class)
                .hasMessage("the plan has 2 ranks, and there are 3 processes: each rank has its own");
        ExecutionOptions traced = ExecutionOptions.defaults().withTransfers(true);
        assertThatThrownBy(() -> new PlanExecutor(plan, new Job(TINY, SAMPLED, traced).in(two)))
                .isInstanceOf(PlanException.class);
        assertThat(ExecutionOptions.defaults().changes()).isEqualTo(Changes.NONE);
    }

    private Future<byte[]> reach(ProcessesOfThreads processes, int rank, Agreement agreement) {
        return threads.submit(() -> agreement.reach(
                processes.member(rank), rank == 0 ? "word".getBytes(StandardCharsets.UTF_8) : new byte[0]));
    }

    @Test
    void processesAgreeOrTheLeaderSaysWhichOneDiffers() throws Exception {
        Plan plan = Planning.plan(TINY.config(), Layout.separated(1, 2));
        Plan other = Planning.plan(TINY.config(), Layout.separated(2, 1));
        ProcessesOfThreads same = new ProcessesOfThreads(3);
        for (int rank = 2; rank >= 0; rank--) {
            Future<byte[]> word = reach(same, rank, new Agreement().onBuild().on("model", "a").on(plan));
            if (rank == 0) {
                assertThat(word.get(20, TimeUnit.SECONDS)).asString().isEqualTo("word");
            }
        }
        ProcessesOfThreads differ = new ProcessesOfThreads(3);
        List<Future<byte[]>> others = List.of(
                reach(differ, 1, new Agreement().onBuild().on("model", "a").on(plan)),
                reach(differ, 2, new Agreement().onBuild().on("model", "a").on(other)));
        Future<byte[]> leader = reach(differ, 0, new Agreement().onBuild().on("model", "a").on(plan));

        assertThatThrownBy(() -> leader.get(20, TimeUnit.SECONDS))
                .hasMessageContaining("rank 2 has another plan than rank 0: start all ranks with the same");
        assertThat(others).noneMatch(Future::isDone);
    }
}
