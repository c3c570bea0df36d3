package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * Compiles the kernels of a rank side by side before its graphs run. TornadoVM compiles a graph's kernels one after the
 * other, most of the time in NVRTC, on one core. Its CUDA backend keeps what NVRTC made of a source for the whole
 * process, so what was compiled here is only loaded when the graph runs. It writes CUDA C for one kernel at a time
 * whoever asks, so that only NVRTC runs on several cores.
 */
final class Precompilation {
    private static final System.Logger LOG = System.getLogger(Precompilation.class.getName());

    /** More gain nothing: a few kernels take much longer than the others. */
    private static final int MOST_THREADS = 8;

    private Precompilation() {}

    /** Whether the device's backend keeps compiled kernels for the process. */
    static boolean helps(Device device) {
        return device.target().backend() == TornadoVMBackendType.CUDA && !device.target().embedded();
    }

    /**
     * Compiles the first kernel of each kind. What cannot be compiled is left to the run, which says so.
     *
     * @param graphs finished graphs of one plan
     * @param grid their worker grids
     */
    static void run(Device device, List<KernelGraph> graphs, GridScheduler grid) {
        Set<String> kinds = new HashSet<>();
        List<Callable<Boolean>> compilations = new ArrayList<>();
        for (KernelGraph graph : graphs) {
            for (ImmutableTaskGraph single : graph.kindsOfTasks(kinds)) {
                compilations.add(() -> compile(device, single, grid));
            }
        }
        int threads = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            pool.invokeAll(compilations);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean compile(Device device, ImmutableTaskGraph single, GridScheduler grid) {
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(single)) {
            plan.withDevice(device.device()).withGridScheduler(grid).withPreCompilation();
            return true;
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Exception | Error e) {
            LOG.log(System.Logger.Level.DEBUG, "compiling ahead: " + e);
            return false;
        }
    }
}
