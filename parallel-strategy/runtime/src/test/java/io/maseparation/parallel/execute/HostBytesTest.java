package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.ArrayMemory;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What ranks take of the memory outside the heap is known before it is taken. */
class HostBytesTest {
    private static final ModelWeights TINY = RandomWeights.create(Presets.config("tiny"), 0);
    /** Arrays are small here, so that nearly all is what they take beside their elements. */
    private static final Workload WORKLOAD = Workload.greedy(List.of(new int[] {1, 2, 3}, new int[] {4}), 4);

    @Test
    void ranksTakeNoMoreThanIsCountedForThem() throws Exception {
        for (Layout layout : List.of(
                Layout.tensorPipeline(1, 1).withDataParallel(8), Layout.tensorPipeline(2, 4),
                Layout.expertParallel(8), Layout.separated(4, 4))) {
            Plan plan = Planning.plan(TINY.config(), layout);
            System.gc();
            Thread.sleep(200);
            long before = direct();
            try (PlanExecutor executor =
                    new PlanExecutor(plan, new Job(TINY, WORKLOAD, ExecutionOptions.defaults()))) {
                long taken = direct() - before;
                long counted = 0;
                for (RunResult.RankReport rank : executor.run().ranks()) {
                    counted += rank.memory().capacity()
                            .hostBytes(TINY.config(), plan.ranks().get(rank.rank()).shard());
                }
                assertThat(taken).as(layout.name()).isLessThanOrEqualTo(counted);
                // What others freed meanwhile makes it look less.
                assertThat(taken).as(layout.name()).isGreaterThan(counted / 2);
            }
        }
    }

    private static long direct() {
        return ArrayMemory.bytes() + ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
