package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task2;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Timeout(60)
class KernelContextTest {
    private static <T> void run(Task2<KernelContext, T> kernel, T argument, WorkerGrid grid) {
        TaskGraph graph = new TaskGraph("g").task("t", kernel, new KernelContext(), argument);
        new TornadoExecutionPlan(graph.snapshot())
                .withGridScheduler(new GridScheduler("g.t", grid))
                .execute();
    }

    private static WorkerGrid groups(int groups, int size) {
        WorkerGrid grid = new WorkerGrid1D(groups * size);
        grid.setLocalWork(size, 1, 1);
        return grid;
    }

    private static void treeSum(KernelContext context, FloatArray values) {
        float[] local = context.allocateFloatLocalArray(128);
        int[] count = context.allocateIntLocalArray(1);
        int tid = context.localIdx;
        if (tid == 0) {
            count[0] = 0;
        }
        local[tid] = values.get(context.globalIdx);
        context.localBarrier();
        for (int stride = context.localGroupSizeX / 2; stride > 0; stride /= 2) {
            if (tid < stride) {
                local[tid] += local[tid + stride];
            }
            context.localBarrier();
        }
        if (tid == 0) {
            values.set(context.globalIdx, local[0] + count[0]);
        }
    }

    @Test
    void localMemoryAndBarriersReduceAGroup() {
        FloatArray values = new FloatArray(1000 * 128);
        values.init(1);
        run(KernelContextTest::treeSum, values, groups(1000, 128));
        for (int group = 0; group < 1000; group++) {
            assertThat(values.get(group * 128)).isEqualTo(128);
        }
    }

    private static void warps(KernelContext context, FloatArray out) {
        int i = context.globalIdx;
        out.set(i, context.simdSum(i));
        out.set(100 + i, context.simdShuffleDown(i, 3));
        out.set(200 + i, context.simdBroadcastFirst(i));
    }

    @Test
    void warpsAreOf32AndTheLastMayBePartial() {
        FloatArray out = new FloatArray(300);
        run(KernelContextTest::warps, out, groups(1, 50));
        for (int i = 0; i < 50; i++) {
            int first = i / 32 * 32;
            int end = Math.min(50, first + 32);
            float sum = 0;
            for (int j = first; j < end; j++) {
                sum += j;
            }
            assertThat(out.get(i)).isEqualTo(sum);
            assertThat(out.get(100 + i)).isEqualTo(i + 3 < end ? i + 3 : i);
            assertThat(out.get(200 + i)).isEqualTo(first);
        }
    }

    private static void ids(KernelContext context, IntArray out) {
        int x = context.globalIdx;
        int y = context.globalIdy;
        int z = context.globalIdz;
        int index = (z * context.globalGroupSizeY + y) * context.globalGroupSizeX + x;
        boolean consistent = x == context.groupIdx * context.localGroupSizeX + context.localIdx
                && y == context.groupIdy * context.localGroupSizeY + context.localIdy
                && z == context.groupIdz * context.localGroupSizeZ + context.localIdz;
        out.set(index, consistent ? out.get(index) + 1 : -100);
        context.atomicAdd(out, 120, 1);
    }

    @Test
    void everyWorkItemOfThreeDimensionsRunsOnce() {
        IntArray out = new IntArray(121);
        WorkerGrid grid = new WorkerGrid3D(6, 4, 5);
        grid.setLocalWork(3, 2, 1);
        run(KernelContextTest::ids, out, grid);
        for (int i = 0; i < 120; i++) {
            assertThat(out.get(i)).isEqualTo(1);
        }
        assertThat(out.get(120)).isEqualTo(120);
    }

    private static void diverges(KernelContext context, IntArray out) {
        if (context.localIdx < 7) {
            context.localBarrier();
        }
    }

    private static void divergesInAWarp(KernelContext context, IntArray out) {
        if (context.localIdx % 2 == 0) {
            out.set(0, (int) context.simdSum(1));
        }
    }

    private static void fails(KernelContext context, IntArray out) {
        out.get(context.globalIdx == 3 ? 1_000_000 : 0);
        context.localBarrier();
    }

    @Test
    void whatWouldHangAGpuIsAnError() {
        IntArray out = new IntArray(1);
        assertThatThrownBy(() -> run(KernelContextTest::diverges, out, groups(1, 8)))
                .isInstanceOf(TornadoRuntimeException.class)
                .hasMessageContaining("g.t")
                .hasMessageContaining("divergence");
        assertThatThrownBy(() -> run(KernelContextTest::divergesInAWarp, out, groups(1, 64)))
                .hasMessageContaining("divergence");
        assertThatThrownBy(() -> run(KernelContextTest::fails, out, groups(1, 8)))
                .hasMessageContaining("IndexOutOfBounds");
    }

    @Test
    void aGridThatDoesNotFitIsAnError() {
        IntArray out = new IntArray(1);
        WorkerGrid uneven = new WorkerGrid1D(10);
        uneven.setLocalWork(4, 1, 1);
        assertThatThrownBy(() -> run(KernelContextTest::diverges, out, uneven)).hasMessageContaining("10 work-items");
        TaskGraph graph = new TaskGraph("g").task("t", KernelContextTest::diverges, new KernelContext(), out);
        assertThatThrownBy(() -> new TornadoExecutionPlan(graph.snapshot()).execute())
                .hasMessageContaining("no worker grid");
    }
}
