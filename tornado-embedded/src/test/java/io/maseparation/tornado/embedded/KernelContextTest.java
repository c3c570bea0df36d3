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
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task2;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.HalfFloat;
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

    private static void waitsInTwoPlaces(KernelContext context, IntArray out) {
        if (context.localIdx < 32) {
            context.localBarrier();
        } else {
            context.localBarrier();
            context.simdSum(1);
        }
        if (context.localIdx < 40) {
            context.localBarrier();
        } else {
            context.simdSum(1);
        }
    }

    private static void leavesEarly(KernelContext context, IntArray out) {
        if (context.globalIdx >= 5) {
            return;
        }
        out.set(context.globalIdx, context.groupIdx + 1);
    }

    @Test
    void workItemsThatWaitForDifferentThingsAreAnErrorToo() {
        assertThatThrownBy(() -> run(KernelContextTest::waitsInTwoPlaces, new IntArray(1), groups(3, 64)))
                .hasMessageContaining("divergence")
                .hasMessageContaining("40 wait at a barrier, 24 wait at a warp operation");
    }

    @Test
    void withoutBarriersAWorkItemMayLeaveEarly() {
        IntArray out = new IntArray(5);
        run(KernelContextTest::leavesEarly, out, groups(4, 4));
        assertThat(out.toHeapArray()).containsExactly(1, 1, 1, 1, 2);
    }

    private static void localAtomics(KernelContext context, IntArray out) {
        int[] counts = context.allocateIntLocalArray(2);
        HalfFloat[] halves = context.allocateHalfFloatLocalArray(1);
        if (context.localIdx == 0) {
            out.set(2, Float.isNaN(halves[0].getFloat32()) ? 1 : 0);
            counts[0] = 0;
            counts[1] = 0;
        }
        context.localBarrier();
        context.atomicAdd(counts, context.localIdx % 2, context.localIdx);
        context.localBarrier();
        if (context.localIdx == 0) {
            out.set(0, counts[0]);
            out.set(1, counts[1]);
        }
    }

    @Test
    void localMemoryIsSharedAndStartsPoisoned() {
        IntArray out = new IntArray(3);
        run(KernelContextTest::localAtomics, out, groups(1, 200));
        assertThat(out.toHeapArray()).containsExactly(99 * 100, 100 * 100, 1);
    }

    private static void readsBeforeTheBarrier(KernelContext context, FloatArray out) {
        float[] local = context.allocateFloatLocalArray(64);
        local[context.localIdx] = 1;
        out.set(context.localIdx, local[63 - context.localIdx]);
    }

    @Test
    void aForgottenBarrierShows() {
        FloatArray out = new FloatArray(64);
        run(KernelContextTest::readsBeforeTheBarrier, out, groups(1, 64));
        assertThat(out.get(0)).isNaN();
    }

    private static void allocates(KernelContext context, IntArray size) {
        context.allocateFloatLocalArray(size.get(0) + (size.get(1) == 0 ? 0 : context.localIdx));
    }

    @Test
    void localMemoryIsLimitedAndTheSameForAll() {
        run(KernelContextTest::allocates, IntArray.fromElements(12288, 0), groups(1, 2));
        assertThatThrownBy(() -> run(KernelContextTest::allocates, IntArray.fromElements(12289, 0), groups(1, 2)))
                .hasMessageContaining("49,156 bytes of local memory");
        assertThatThrownBy(() -> run(KernelContextTest::allocates, IntArray.fromElements(1, 1), groups(1, 2)))
                .hasMessageContaining("differ in the type or size");
    }

    @Test
    void calledAsPlainJavaAContextIsOneWorkItem() {
        KernelContext context = new KernelContext();
        assertThat(context.globalIdx).isZero();
        assertThat(context.localGroupSizeX).isZero();
        context.localBarrier();
        context.globalBarrier();
        assertThat(context.allocateFloatLocalArray(3)).containsExactly(0, 0, 0);
        assertThat(context.simdSum(2)).isEqualTo(2);
        assertThat(context.simdShuffleDown(2, 1)).isEqualTo(2);
        assertThat(context.simdBroadcastFirst(2)).isEqualTo(2);
    }

    @Test
    void aGridWithoutGroupSizeGetsOne() {
        IntArray out = new IntArray(121);
        run(KernelContextTest::ids, out, new WorkerGrid3D(6, 4, 5));
        assertThat(out.get(120)).isEqualTo(120);
        IntArray plane = new IntArray(121);
        run(KernelContextTest::ids, plane, new WorkerGrid2D(30, 4));
        assertThat(plane.get(120)).isEqualTo(120);
    }

    @Test
    void aFailureNamesTaskAndWorkItem() {
        assertThatThrownBy(() -> run(KernelContextTest::fails, new IntArray(1), groups(1, 8)))
                .isInstanceOf(TornadoRuntimeException.class)
                .hasMessageContaining("task g.t: work-item (3, 0, 0)")
                .hasRootCauseInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void aSchedulerThatNamesNoTaskIsAnError() {
        TaskGraph graph =
                new TaskGraph("g").task("t", KernelContextTest::diverges, new KernelContext(), new IntArray(1));
        TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot());
        assertThatThrownBy(() -> plan.withGridScheduler(new GridScheduler("g.other", groups(1, 1))))
                .hasMessageContaining("g.other");
    }

    @Test
    void aGridThatDoesNotFitIsAnError() {
        IntArray out = new IntArray(1);
        WorkerGrid uneven = new WorkerGrid1D(10);
        uneven.setLocalWork(4, 1, 1);
        assertThatThrownBy(() -> run(KernelContextTest::diverges, out, uneven)).hasMessageContaining("10 work-items");
        assertThatThrownBy(() -> run(KernelContextTest::diverges, out, groups(1, 2048))).hasMessageContaining("2048");
        WorkerGrid offset = groups(1, 8);
        offset.setGlobalOffset(1, 0, 0);
        assertThatThrownBy(() -> run(KernelContextTest::diverges, out, offset)).hasMessageContaining("offset");
        TaskGraph graph = new TaskGraph("g").task("t", KernelContextTest::diverges, new KernelContext(), out);
        assertThatThrownBy(() -> new TornadoExecutionPlan(graph.snapshot()).execute())
                .hasMessageContaining("no worker grid");
    }
}
