package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.ResidualAdd;
import java.util.Arrays;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** How long data takes from the host to a device and back, which is the way between two devices. */
public final class HostHop {
    private static final int COLUMNS = 256;
    private static final int SMALL_ROWS = 16;
    private static final int LARGE_ROWS = 4096;
    private static final int REPETITIONS = 41;

    private HostHop() {}

    /** Seconds that a byte adds, there and back. */
    public static double secondsPerByte(Device device) {
        double more = seconds(device, LARGE_ROWS) - seconds(device, SMALL_ROWS);
        return Math.max(0, more) / (4.0 * COLUMNS * (LARGE_ROWS - SMALL_ROWS));
    }

    private static double seconds(Device device, int rows) {
        GridScheduler grid = new GridScheduler();
        KernelGraph graph = new KernelGraph("hop", device.target(), grid);
        IntArray step = DeviceArrays.ints(3);
        step.set(1, 1);
        FloatArray x = DeviceArrays.floats(rows * COLUMNS);
        FloatArray y = DeviceArrays.floats(rows * COLUMNS);
        graph.constant(y);
        graph.input(step, x);
        graph.output(x);
        ResidualAdd.add(graph, "add", step, y, x, COLUMNS, 1f);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.build())) {
            plan.withDevice(device.device());
            if (!grid.keySet().isEmpty()) {
                plan.withGridScheduler(grid);
            }
            long[] nanos = new long[REPETITIONS];
            for (int i = 0; i < REPETITIONS; i++) {
                long start = System.nanoTime();
                plan.execute();
                nanos[i] = System.nanoTime() - start;
            }
            Arrays.sort(nanos);
            return nanos[REPETITIONS / 2] / 1e9;
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("device memory could not be freed: " + e.getMessage(), e);
        }
    }
}
