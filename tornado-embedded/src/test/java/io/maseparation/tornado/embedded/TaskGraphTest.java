package io.maseparation.tornado.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceNotFound;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.exceptions.TornadoTaskRuntimeException;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Timeout(60)
class TaskGraphTest {
    private static void twenty(
            IntArray out, int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l, int m,
            int n, int o, int p, int q, int r, float s) {
        int[] all = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, (int) s};
        for (int x = 0; x < all.length; x++) {
            out.set(x, all[x]);
        }
    }

    @Test
    void aTaskTakesTwentyArguments() {
        IntArray out = new IntArray(19);
        TaskGraph graph = new TaskGraph("g")
                .task("t", TaskGraphTest::twenty, out, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                        19f);
        new TornadoExecutionPlan(graph.snapshot()).execute();
        for (int i = 0; i < 19; i++) {
            assertThat(out.get(i)).isEqualTo(i + 1);
        }
    }

    @Test
    void tasksRunInOrder() {
        List<Integer> order = new ArrayList<>();
        TaskGraph graph = new TaskGraph("g");
        for (int i = 0; i < 10; i++) {
            int task = i;
            graph.task("t" + i, () -> order.add(task));
        }
        new TornadoExecutionPlan(graph.snapshot()).execute();
        assertThat(order).isSorted().hasSize(10);
    }

    @Test
    void mistakesInAGraphAreNamed() {
        FloatArray array = new FloatArray(1);
        TaskGraph graph = new TaskGraph("g").task("t", a -> a.set(0, 1), array);
        assertThatThrownBy(() -> graph.task("t", a -> a.set(0, 1), array))
                .isInstanceOf(TornadoTaskRuntimeException.class)
                .hasMessageContaining("two tasks named t");
        assertThatThrownBy(() -> graph.task("u", (FloatArray a, FloatArray b) -> a.set(0, b.get(0)), array, null))
                .hasMessageContaining("task g.u: argument 2 is null");
        assertThatThrownBy(() -> graph.task("v", (float[] a) -> a[0] = 1, new float[1]))
                .hasMessageContaining("argument 1 is a [F");
        assertThatThrownBy(() -> graph.transferToDevice(7, array)).hasMessageContaining("transfer mode 7");
        assertThatThrownBy(() -> graph.transferToHost(DataTransferMode.EVERY_EXECUTION, "text"))
                .hasMessageContaining("text");
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, array, 3);
        assertThat(graph.snapshot()).isNotNull();
        assertThatThrownBy(() -> graph.persistOnDevice(array)).hasMessageContaining("after its snapshot");
    }

    @Test
    void mistakesInAPlanAreNamed() {
        TornadoExecutionPlan plan = new TornadoExecutionPlan(
                new TaskGraph("g").task("t", a -> a.set(1, 1), new FloatArray(1)).snapshot());
        assertThatThrownBy(() -> plan.withGraph(1)).hasMessageContaining("no graph 1");
        assertThatThrownBy(() -> plan.withDevice(null)).isInstanceOf(TornadoRuntimeException.class);
        assertThatThrownBy(plan::execute)
                .isInstanceOf(TornadoRuntimeException.class)
                .hasMessageContaining("task g.t")
                .hasCauseInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void theRuntimeHasOneBackendOfManyDevices() {
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        assertThat(runtime.getNumBackends()).isEqualTo(1);
        assertThat(TornadoExecutionPlan.getDevice(0, 63).getDeviceName()).isEqualTo("embedded-63");
        assertThat(runtime.getBackend(0).getAllDevices()).hasSize(64).doesNotHaveDuplicates();
        assertThatThrownBy(() -> TornadoExecutionPlan.getDevice(0, 64)).isInstanceOf(TornadoDeviceNotFound.class);
        assertThatThrownBy(() -> TornadoExecutionPlan.getDevice(1, 0)).hasMessageContaining("backend 1");
    }

    private static void groupSums(KernelContext context, FloatArray values) {
        float[] local = context.allocateFloatLocalArray(64);
        local[context.localIdx] = values.get(context.globalIdx);
        context.localBarrier();
        float sum = 0;
        for (int i = 0; i < 64; i++) {
            sum += local[i];
        }
        context.localBarrier();
        values.set(context.globalIdx, sum / 64 + 1);
    }

    @Test
    void plansRunAtTheSameTime() throws Exception {
        int plans = 8;
        EmbeddedDevice device = EmbeddedDevices.strict(1).getFirst();
        CountDownLatch start = new CountDownLatch(plans);
        try (ExecutorService threads = Executors.newFixedThreadPool(plans)) {
            List<Future<FloatArray>> results = new ArrayList<>();
            for (int p = 0; p < plans; p++) {
                FloatArray values = new FloatArray(640);
                values.init(p);
                TaskGraph graph = new TaskGraph("g")
                        .transferToDevice(DataTransferMode.FIRST_EXECUTION, values)
                        .task("t", TaskGraphTest::groupSums, new KernelContext(), values)
                        .transferToHost(DataTransferMode.EVERY_EXECUTION, values);
                WorkerGrid1D grid = new WorkerGrid1D(640);
                grid.setLocalWork(64, 1, 1);
                results.add(threads.submit(() -> {
                    start.countDown();
                    start.await();
                    try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
                        plan.withDevice(device).withGridScheduler(new GridScheduler("g.t", grid));
                        for (int i = 0; i < 20; i++) {
                            plan.execute();
                        }
                    }
                    return values;
                }));
            }
            for (int p = 0; p < plans; p++) {
                assertThat(results.get(p).get().toHeapArray()).containsOnly(p + 20f);
            }
        }
        assertThat(device.used()).isZero();
    }

    @Test
    void onePlanIsForOneThreadAtATime() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        TornadoExecutionPlan plan = new TornadoExecutionPlan(new TaskGraph("g")
                .task("t", () -> {
                    inside.countDown();
                    try {
                        leave.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                })
                .snapshot());
        Thread other = Thread.startVirtualThread(plan::execute);
        inside.await();
        assertThatThrownBy(plan::execute).hasMessageContaining("being executed already");
        leave.countDown();
        other.join();
    }
}
