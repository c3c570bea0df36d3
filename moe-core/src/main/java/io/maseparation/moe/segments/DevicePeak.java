package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.gpu.PeakKernels;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Arrays;
import java.util.List;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * What a device with a memory of its own can do at most, measured: a yardstick for MBU and MFU.
 *
 * @param bytesPerSecond bytes read and written by a copy inside its memory
 * @param flopsPerSecond fp32 multiply-adds, each counted as two; not those of tensor cores
 */
public record DevicePeak(double bytesPerSecond, double flopsPerSecond) {
    private static final int GROUP = 256;
    private static final int COPIED_FLOATS = 1 << 28;
    private static final int THREADS = 1 << 20;
    private static final int ROUNDS = 4096;
    private static final int REPETITIONS = 7;

    /** Measures. Switches TornadoVM's profiler on. */
    public static DevicePeak measure(Device device) {
        int floats = (int) Math.min(COPIED_FLOATS, device.memoryBytes() / 64);
        floats -= floats % (GROUP * PeakKernels.COPIED);
        int threads = floats / PeakKernels.COPIED;
        FloatArray from = DeviceArrays.floats(floats);
        FloatArray to = DeviceArrays.floats(floats);
        double copy = kernelSeconds(device, "copy", graph -> {
            graph.constant(from, to);
            graph.outputOnDemand(to);
            KernelContext context = new KernelContext();
            graph.task(
                    "copy", grid(threads), t -> t.task("copy", PeakKernels::copy, context, from, to, threads));
        });
        FloatArray out = DeviceArrays.floats(THREADS);
        double adds = kernelSeconds(device, "adds", graph -> {
            graph.constant(out);
            graph.outputOnDemand(out);
            KernelContext context = new KernelContext();
            graph.task(
                    "adds", grid(THREADS), t -> t.task("adds", PeakKernels::multiplyAdds, context, out, ROUNDS));
        });
        return new DevicePeak(8.0 * floats / copy, 2.0 * PeakKernels.CHAINS * ROUNDS * THREADS / adds);
    }

    private static WorkerGrid1D grid(int threads) {
        WorkerGrid1D grid = new WorkerGrid1D(threads);
        grid.setLocalWork(GROUP, 1, 1);
        return grid;
    }

    /** Least time of the graph's one task. */
    private static double kernelSeconds(
            Device device, String name, java.util.function.Consumer<KernelGraph> tasks) {
        GridScheduler grid = new GridScheduler();
        KernelGraph graph = new KernelGraph(name, device.target(), grid);
        tasks.accept(graph);
        List<String> names = graph.taskNames();
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.build())) {
            plan.withDevice(device.device());
            plan.withGridScheduler(grid);
            plan.withProfiler(ProfilerMode.SILENT);
            long[] nanos = new long[REPETITIONS];
            int before = 0;
            for (int i = 0; i < REPETITIONS; i++) {
                String log = plan.execute().getProfilerResult().getProfileLog();
                nanos[i] = TaskProfile.nanos(log.substring(before), names)[0];
                before = log.length();
            }
            return Math.max(1, Arrays.stream(nanos).min().orElseThrow()) / 1e9;
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("device memory could not be freed: " + e.getMessage(), e);
        }
    }
}
