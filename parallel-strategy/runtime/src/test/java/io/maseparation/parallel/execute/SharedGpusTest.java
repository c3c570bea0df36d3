package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.comm.ProcessesOfThreads;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three processes, of which the first and the last are on one GPU. */
@Timeout(60)
class SharedGpusTest {
    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());
    private final List<RankMemory> memory = memory();

    @AfterEach
    void endThreads() {
        threads.shutdownNow();
    }

    private static List<RankMemory> memory() {
        Plan plan = Planning.plan(Presets.config("tiny"), Layout.separated(1, 2));
        Workload workload = Workload.greedy(List.of(new int[] {1, 2, 3}), 4);
        return Deployment.memory(plan, new Job(
                RandomWeights.create(Presets.config("tiny"), 1), workload,
                ExecutionOptions.defaults().withKvType(DataType.F32)));
    }

    private List<Future<?>> check(SharedGpus.Said... said) {
        ProcessesOfThreads processes = new ProcessesOfThreads(said.length);
        List<Future<?>> all = new ArrayList<>();
        for (int rank = 0; rank < said.length; rank++) {
            int r = rank;
            all.add(threads.submit(() -> SharedGpus.check(processes.member(r), said[r], memory)));
        }
        return all;
    }

    private long both() {
        return memory.get(0).bytes() + memory.get(2).bytes();
    }

    @Test
    void ranksOnOneGpuHaveToFitItTogether() throws Exception {
        for (Future<?> process : check(
                new SharedGpus.Said("a", both()), new SharedGpus.Said("b", 0), new SharedGpus.Said("a", both()))) {
            process.get(20, TimeUnit.SECONDS);
        }
        // Each by itself would fit.
        for (Future<?> process : check(
                new SharedGpus.Said("a", both() - 1), new SharedGpus.Said("b", 0),
                new SharedGpus.Said("a", both()))) {
            assertThatThrownBy(() -> process.get(20, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .cause().isInstanceOf(PlanException.class)
                    .message().startsWith("ranks 0 and 2 share a GPU and need ").hasSizeLessThan(480);
        }
    }

    @Test
    void nothingIsHeldAgainstDevicesThatNobodyTellsOf() throws Exception {
        assertThat(both()).isPositive();
        for (Future<?> process : check(
                new SharedGpus.Said("-", -1), new SharedGpus.Said("-", -1), new SharedGpus.Said("a", -1))) {
            process.get(20, TimeUnit.SECONDS);
        }
    }
}
