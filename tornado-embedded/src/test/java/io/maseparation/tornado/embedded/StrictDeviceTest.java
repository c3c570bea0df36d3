package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** A strict device shows what a GPU would: forgotten transfers, separate copies, buffers handed from graph to graph. */
class StrictDeviceTest {
    private static void addOne(FloatArray in, FloatArray out) {
        for (int i = 0; i < out.getSize(); i++) {
            out.set(i, in.get(i) + 1);
        }
    }

    private static TornadoExecutionPlan plan(EmbeddedDevice device, TaskGraph... graphs) {
        var snapshots = java.util.Arrays.stream(graphs)
                .map(TaskGraph::snapshot)
                .toArray(uk.ac.manchester.tornado.api.ImmutableTaskGraph[]::new);
        return new TornadoExecutionPlan(snapshots).withDevice(device);
    }

    private static EmbeddedDevice strict() {
        return EmbeddedDevices.strict(1).getFirst();
    }

    @Test
    void resultsComeBackOnlyIfTransferred() {
        FloatArray in = FloatArray.fromElements(1, 2);
        FloatArray out = new FloatArray(2);
        TaskGraph without = new TaskGraph("g")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, out);
        plan(strict(), without).execute();
        assertThat(out.toHeapArray()).containsExactly(0, 0);

        TaskGraph with = new TaskGraph("g")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        plan(strict(), with).execute();
        assertThat(out.toHeapArray()).containsExactly(2, 3);
    }

    @Test
    void onASharedDeviceTheyAreThereWithoutTransfers() {
        FloatArray in = FloatArray.fromElements(1, 2);
        FloatArray out = new FloatArray(2);
        TaskGraph graph = new TaskGraph("g").task("t", StrictDeviceTest::addOne, in, out);
        plan(EmbeddedDevices.shared(1).getFirst(), graph).execute();
        assertThat(out.toHeapArray()).containsExactly(2, 3);
    }

    @Test
    void anInputThatWasNotTransferredIsNotANumber() {
        FloatArray in = FloatArray.fromElements(1, 2);
        FloatArray out = new FloatArray(2);
        TaskGraph graph = new TaskGraph("g")
                .task("t", StrictDeviceTest::addOne, in, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        plan(strict(), graph).execute();
        assertThat(out.toHeapArray()).containsExactly(Float.NaN, Float.NaN);
    }

    @Test
    void firstExecutionCopiesOnceAndEveryExecutionEachTime() {
        for (int mode : new int[] {DataTransferMode.FIRST_EXECUTION, DataTransferMode.EVERY_EXECUTION}) {
            FloatArray in = FloatArray.fromElements(1);
            FloatArray out = new FloatArray(1);
            TaskGraph graph = new TaskGraph("g")
                    .transferToDevice(mode, in)
                    .task("t", StrictDeviceTest::addOne, in, out)
                    .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
            TornadoExecutionPlan plan = plan(strict(), graph);
            plan.execute();
            in.set(0, 10);
            plan.execute();
            assertThat(out.get(0)).isEqualTo(mode == DataTransferMode.FIRST_EXECUTION ? 2 : 11);
        }
    }

    @Test
    void underDemandWaitsToBeAsked() {
        FloatArray in = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, out)
                .transferToHost(DataTransferMode.UNDER_DEMAND, out);
        var result = plan(strict(), graph).execute();
        assertThat(out.get(0)).isZero();
        result.transferToHost(out);
        assertThat(out.get(0)).isEqualTo(2);
    }

    @Test
    void eachGraphHasACopyOfItsOwnUnlessOneHandsItOn() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph writes = new TaskGraph("a")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, state)
                .task("t", StrictDeviceTest::addOne, state, state);
        TaskGraph reads = new TaskGraph("b")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, state)
                .task("t", StrictDeviceTest::addOne, state, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TornadoExecutionPlan apart = plan(strict(), writes, reads);
        apart.withGraph(0).execute();
        apart.withGraph(1).execute();
        assertThat(out.get(0)).as("the second graph never sees the first one's write").isEqualTo(2);

        TaskGraph hands = new TaskGraph("a")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, state)
                .task("t", StrictDeviceTest::addOne, state, state)
                .persistOnDevice(state);
        TaskGraph takes = new TaskGraph("b")
                .consumeFromDevice("a", state)
                .task("t", StrictDeviceTest::addOne, state, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TornadoExecutionPlan together = plan(strict(), hands, takes);
        together.withGraph(0).execute();
        together.withGraph(0).execute();
        together.withGraph(1).execute();
        assertThat(out.get(0)).isEqualTo(4);
    }

    @Test
    void consumingWhatNobodyHandedOnFails() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph other = new TaskGraph("a")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, state)
                .task("t", StrictDeviceTest::addOne, state, out);
        TaskGraph takes =
                new TaskGraph("b").consumeFromDevice("a", state).task("t", StrictDeviceTest::addOne, state, out);
        TornadoExecutionPlan plan = plan(strict(), other, takes);
        assertThatThrownBy(() -> plan.withGraph(1).execute())
                .isInstanceOf(TornadoRuntimeException.class)
                .hasMessageContaining("task graph b consumes");
        plan.withGraph(0).execute();
        assertThatThrownBy(() -> plan.withGraph(1).execute()).hasMessageContaining("did not persist");
    }

    @Test
    void scratchIsPoisonedAgainAtEveryExecution() {
        FloatArray scratch = new FloatArray(1);
        FloatArray out = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g")
                .task("read", StrictDeviceTest::addOne, scratch, out)
                .task("write", (FloatArray s) -> s.set(0, 5), scratch)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TornadoExecutionPlan plan = plan(strict(), graph);
        plan.execute();
        plan.execute();
        assertThat(out.get(0)).isNaN();
    }

    @Test
    void memoryIsCountedLimitedAndFreed() throws Exception {
        EmbeddedDevice device = EmbeddedDevices.strict(1, 1000).getFirst();
        FloatArray in = new FloatArray(100);
        TaskGraph fits = new TaskGraph("g")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, in);
        try (TornadoExecutionPlan plan = plan(device, fits)) {
            plan.execute();
            assertThat(plan.getCurrentDeviceMemoryUsage()).isEqualTo(416);
            assertThat(device.used()).isEqualTo(416);
        }
        assertThat(device.used()).isZero();

        FloatArray large = new FloatArray(1000);
        TaskGraph tooLarge = new TaskGraph("g")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, large)
                .task("t", StrictDeviceTest::addOne, large, large);
        assertThatThrownBy(() -> plan(device, tooLarge).execute()).isInstanceOf(TornadoOutOfMemoryException.class);
        assertThat(device.used()).isZero();
    }
}
