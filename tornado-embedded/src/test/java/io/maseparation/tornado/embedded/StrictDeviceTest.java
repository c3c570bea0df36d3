package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.DataRange;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A strict device shows what a GPU would: forgotten transfers, separate copies, buffers handed from graph to graph. */
class StrictDeviceTest {
    private static void addOne(FloatArray in, FloatArray out) {
        for (int i = 0; i < out.getSize(); i++) {
            out.set(i, in.get(i) + 1);
        }
    }

    private static void sum(FloatArray a, FloatArray b, FloatArray out) {
        for (int i = 0; i < out.getSize(); i++) {
            out.set(i, a.get(i) + b.get(i));
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

    private static TaskGraph takes(String name, String from, FloatArray state, FloatArray out) {
        return new TaskGraph(name)
                .consumeFromDevice(from, state)
                .task("t", StrictDeviceTest::addOne, state, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
    }

    private static TaskGraph hands(String name, FloatArray state) {
        return new TaskGraph(name)
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, state)
                .task("t", StrictDeviceTest::addOne, state, state)
                .persistOnDevice(state);
    }

    @Test
    void graphsOfOneExecutionDoNotHandOn() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TornadoExecutionPlan plan = plan(strict(), hands("a", state), takes("b", "a", state, out));
        assertThatThrownBy(plan::execute).hasMessageContaining("no graph was executed before it");
    }

    @Test
    void whatWasConsumedCanBeConsumedOn() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph between =
                new TaskGraph("b").consumeFromDevice(state).task("t", StrictDeviceTest::addOne, state, state);
        EmbeddedDevice device = strict();
        TornadoExecutionPlan plan = plan(device, hands("a", state), between, takes("c", "b", state, out));
        plan.withGraph(0).execute();
        plan.withGraph(1).execute();
        plan.withGraph(1).execute();
        plan.withGraph(2).execute();
        assertThat(out.get(0)).isEqualTo(5);
        assertThat(plan.getCurrentDeviceMemoryUsage()).as("one copy, held by three graphs, and the output")
                .isEqualTo(40);
        plan.freeDeviceMemory();
        assertThat(device.used()).isZero();
        assertThatThrownBy(() -> plan.withGraph(2).execute()).hasMessageContaining("task graph c consumes");
    }

    @Test
    void aGraphInBetweenThatDoesNotKnowTheArrayBreaksTheChain() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        FloatArray other = FloatArray.fromElements(1);
        TornadoExecutionPlan plan =
                plan(strict(), hands("a", state), hands("b", other), takes("c", "a", state, out));
        plan.withGraph(0).execute();
        plan.withGraph(1).execute();
        assertThatThrownBy(() -> plan.withGraph(2).execute()).hasMessageContaining("task graph b, executed before it");
    }

    /** TornadoVM fails here with a NullPointerException. */
    @Test
    void twoSourcesCannotBothHaveRunLast() {
        FloatArray x = FloatArray.fromElements(1);
        FloatArray y = FloatArray.fromElements(10);
        FloatArray out = new FloatArray(1);
        TaskGraph both = new TaskGraph("c")
                .consumeFromDevice("a", x)
                .consumeFromDevice("b", y)
                .task("t", StrictDeviceTest::sum, x, y, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TaskGraph takesAndHands = new TaskGraph("b")
                .consumeFromDevice("a", x)
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, y)
                .task("t", StrictDeviceTest::addOne, y, y)
                .persistOnDevice(x, y);
        TaskGraph fromOne = new TaskGraph("c")
                .consumeFromDevice("b", x, y)
                .task("t", StrictDeviceTest::sum, x, y, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TornadoExecutionPlan apart = plan(strict(), hands("a", x), hands("b", y), both);
        for (int source = 0; source < 2; source++) {
            apart.withGraph(source).execute();
            assertThatThrownBy(() -> apart.withGraph(2).execute()).hasMessageContaining("is not the one");
        }

        TornadoExecutionPlan chain = plan(strict(), hands("a", x), takesAndHands, fromOne);
        for (int graph = 0; graph < 3; graph++) {
            chain.withGraph(graph).execute();
        }
        assertThat(out.get(0)).isEqualTo(2 + 11);
    }

    @Test
    void consumingOnAnotherDeviceFails() {
        FloatArray state = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TornadoExecutionPlan plan = plan(strict(), hands("a", state), takes("b", "a", state, out));
        plan.withGraph(1).withDevice(EmbeddedDevices.strict(2).get(1));
        assertThat(plan.getDevice(0)).isNotEqualTo(plan.getDevice(1));
        plan.withGraph(0).execute();
        assertThatThrownBy(() -> plan.withGraph(1).execute())
                .hasMessageContaining("embedded-0")
                .hasMessageContaining("embedded-1");
    }

    @Test
    void underDemandMakesRoomAndSendsNothing() {
        FloatArray in = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g")
                .transferToDevice(DataTransferMode.UNDER_DEMAND, in)
                .task("t", StrictDeviceTest::addOne, in, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        plan(strict(), graph).execute();
        assertThat(out.get(0)).isNaN();
    }

    @Test
    void integersThatWereNotTransferredAreNoIndex() {
        IntArray index = new IntArray(1);
        FloatArray in = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g")
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, in)
                .task("t", (IntArray i, FloatArray x) -> x.set(0, x.get(i.get(0))), index, in);
        assertThatThrownBy(() -> plan(strict(), graph).execute())
                .isInstanceOf(TornadoRuntimeException.class)
                .hasMessageContaining("task g.t")
                .hasCauseInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void aPartComesBack() {
        FloatArray state = FloatArray.fromElements(1, 2, 3, 4);
        TornadoExecutionPlan plan = plan(strict(), hands("a", state));
        var result = plan.execute();
        result.transferToHost(new DataRange(state).withOffset(1).withSize(2));
        assertThat(state.toHeapArray()).containsExactly(1, 3, 4, 4);
        assertThatThrownBy(() -> result.transferToHost(new DataRange(state).withOffset(3).withSize(2)))
                .hasMessageContaining("2 elements from 3");
        assertThatThrownBy(() -> result.transferToHost(new FloatArray(1))).hasMessageContaining("no copy");
    }

    @Test
    void freedMemoryMakesTheNextExecutionAFirstOne() {
        FloatArray in = FloatArray.fromElements(1);
        FloatArray out = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, out)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, out);
        TornadoExecutionPlan plan = plan(strict(), graph);
        plan.execute();
        in.set(0, 10);
        plan.freeDeviceMemory().execute();
        assertThat(out.get(0)).isEqualTo(11);
    }

    @Test
    void twoPlansOfOneSnapshotKeepApart() {
        FloatArray state = FloatArray.fromElements(1);
        var snapshot = hands("a", state).snapshot();
        EmbeddedDevice device = strict();
        TornadoExecutionPlan first = new TornadoExecutionPlan(snapshot).withDevice(device);
        TornadoExecutionPlan second = new TornadoExecutionPlan(snapshot).withDevice(device);
        first.withWarmUpIterations(3);
        second.execute().transferToHost(state);
        assertThat(state.get(0)).isEqualTo(2);
        first.execute().transferToHost(state);
        assertThat(state.get(0)).isEqualTo(5);
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

    @Test
    void whatNoTransferNamesIsNotFreed() throws Exception {
        EmbeddedDevice device = EmbeddedDevices.strict(1, 1000).getFirst();
        FloatArray in = new FloatArray(100);
        FloatArray unnamed = new FloatArray(100);
        TaskGraph graph = new TaskGraph("g")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, in)
                .task("t", StrictDeviceTest::addOne, in, unnamed);
        try (TornadoExecutionPlan plan = plan(device, graph)) {
            plan.execute();
            plan.execute();
        }
        assertThat(device.used()).isEqualTo(416);
    }
}
