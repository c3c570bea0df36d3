package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Batching;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.Workload;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FailureTest {
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 1);
    private static final Plan MA = Planning.plan(TINY.config(), Layout.separated(2, 2));

    private static Workload workload(int maxTokens) {
        return Workload.greedy(List.of(new int[] {1, 2, 3}, new int[] {4}), maxTokens);
    }

    private static ExecutionOptions options(Duration stall, IntConsumer onToken) {
        return new ExecutionOptions(List.of(), DataType.F32, 0, stall, onToken, false, Changes.NONE);
    }

    @Test
    void aRankThatThrowsEndsTheRunOnAllAndIsNamed() {
        ExecutionOptions options = options(Duration.ofMinutes(5), sequence -> {
            if (sequence == 1) {
                throw new IllegalStateException("planted");
            }
        });
        try (PlanExecutor executor = new PlanExecutor(MA, new Job(TINY, workload(8), options))) {
            assertThatThrownBy(executor::run)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageMatching("rank [01] \\(attention\\): IllegalStateException: planted");
        }
    }

    @Test
    void aPlanForAModelOfAnotherShapeIsRefused() {
        Plan other = Planning.plan(Presets.config("small"), Layout.separated(2, 2));
        Job job = new Job(TINY, workload(2), ExecutionOptions.defaults());
        assertThatThrownBy(() -> new PlanExecutor(other, job))
                .isInstanceOf(PlanException.class)
                .hasMessageStartingWith("the plan is for model small (")
                .hasMessageContaining("the weights are those of tiny (");
    }

    @Test
    void microBatchesWithoutSequencesCostNothing() {
        Job job = new Job(TINY, workload(4), ExecutionOptions.defaults());
        List<List<Integer>> tokens = new ArrayList<>();
        for (int microBatches : List.of(1, Batching.MOST_MICRO_BATCHES)) {
            Plan plan = Planning.plan(TINY.config(), Layout.separated(2, 2).withMicroBatches(microBatches));
            try (PlanExecutor executor = new PlanExecutor(plan, job)) {
                executor.run().outputs().forEach(o -> tokens.add(o.tokenIds()));
            }
        }
        assertThat(tokens.subList(2, 4)).isEqualTo(tokens.subList(0, 2));
        assertThatThrownBy(() -> Planning.plan(
                TINY.config(), Layout.separated(2, 2).withMicroBatches(Batching.MOST_MICRO_BATCHES + 1)))
                .isInstanceOf(PlanException.class)
                .hasMessage("'micro_batches' must be at most 4096, is 4097");
    }

    @Test
    void aStuckRankEndsTheRunInBoundedTimeAndIsNamed() {
        CountDownLatch never = new CountDownLatch(1);
        ExecutionOptions options = options(Duration.ofSeconds(2), sequence -> {
            try {
                never.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (PlanExecutor executor = new PlanExecutor(MA, new Job(TINY, workload(8), options))) {
            long start = System.nanoTime();
            assertThatThrownBy(executor::run)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("no rank finished anything for 2 s")
                    .hasMessageContaining("rank 0 is sampling");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
        } finally {
            never.countDown();
        }
    }

    @Test
    void aDeviceThatIsTooSmallIsNamed() {
        Optional<List<Device>> small = TestDevices.ofSize(1, 1000);
        assumeTrue(small.isPresent(), "the runtime makes no devices to order");
        List<Device> devices = new ArrayList<>(TestDevices.strict(3));
        devices.addAll(small.get());
        try (PlanExecutor executor = new PlanExecutor(
                MA, new Job(TINY, workload(2), ExecutionOptions.defaults().withDevices(devices)))) {
            assertThatThrownBy(executor::run)
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageStartingWith("rank 3 (expert): TornadoOutOfMemoryException");
        }
        assertThatThrownBy(() -> new PlanExecutor(
                MA, new Job(TINY, workload(2), ExecutionOptions.defaults().withDevices(small.get()))))
                .hasMessageStartingWith("rank 0 (attention): ");
    }

    @Test
    void aRankThatHoldsMoreThanItMayNamesTheOptionThatHelps() {
        ExecutionOptions options = ExecutionOptions.defaults().withDeviceMemory(200_000);
        assertThatThrownBy(() -> new PlanExecutor(MA, new Job(TINY, workload(2), options)))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("rank 0 (attention) needs")
                .hasMessageContaining("'attention_tensor_parallel_size'");
    }

    @Test
    void workloadsThatDoNotFitTheModelSayWhy() {
        assertMessage(Workload.greedy(List.of(new int[] {1, 999}), 1), "token 999 is outside the vocabulary of 320");
        assertMessage(Workload.greedy(List.of(new int[] {-1}), 1), "token -1 is outside");
        assertMessage(Workload.greedy(List.of(new int[0]), 1), "prompt 0 is empty");
        assertMessage(Workload.greedy(List.of(), 1), "no prompt");
        assertMessage(workload(0), "'max_tokens' must be at least 1");
        assertMessage(workload(510), "exceed the model's context of 512: lower 'max_tokens'");
    }

    private static void assertMessage(Workload workload, String part) {
        assertThatThrownBy(() -> new PlanExecutor(MA, new Job(TINY, workload, ExecutionOptions.defaults())))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(part);
    }

    @Test
    void aFailureInsideTornadoVmSaysWhy() {
        assertThat(Deployment.describe(
                new IllegalStateException("Bailout is disabled. \n\nReason: no memory\n\tat somewhere")))
                .isEqualTo("IllegalStateException: Bailout is disabled. Reason: no memory");
        assertThat(Deployment.describe(new IllegalStateException())).isEqualTo("IllegalStateException");
    }
}
