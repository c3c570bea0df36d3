package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * Compiles the kernels of a rank side by side before its graphs run. TornadoVM compiles a graph's kernels one after the
 * other, most of the time in NVRTC, on one core. Its CUDA backend keeps what NVRTC made of a source for the whole
 * process, so what was compiled here is only loaded when the graph runs. It writes CUDA C for one kernel at a time
 * whoever asks; NVRTC runs on several cores. What tasks do with their arguments goes through a static field when they
 * are added to a graph, so that is done by one thread at a time.
 *
 * <p>To be used by one thread.
 */
final class Precompilation implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Precompilation.class.getName());

    /** More gain nothing: a few kernels take much longer than the others. */
    private static final int MOST_THREADS = 8;

    private final Device device;
    private final GridScheduler grid;
    private final boolean helps;
    private final Set<String> kinds = new HashSet<>();
    private final List<TornadoExecutionPlan> plans = new ArrayList<>();

    /**
     * Compiles nothing yet, and nothing ever for a device whose backend keeps no compiled kernels for the process.
     *
     * @param grid worker grids of the graphs to come
     */
    Precompilation(Device device, GridScheduler grid) {
        this.device = device;
        this.grid = grid;
        helps = device.target().backend() == TornadoVMBackendType.CUDA && !device.target().embedded();
    }

    /**
     * Takes up the first kernel of each kind that is new.
     *
     * @param graph a graph that has all its tasks
     */
    void add(KernelGraph graph) {
        if (helps) {
            graph.kindsOfTasks(kinds).forEach(single -> plans.add(new TornadoExecutionPlan(single)));
        }
    }

    /** Compiles all that was added. What cannot be compiled is left to the run, which says so. */
    void run() {
        if (plans.isEmpty()) {
            return;
        }
        int threads = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            plans.forEach(plan -> pool.execute(() -> compile(plan)));
        }
    }

    private void compile(TornadoExecutionPlan plan) {
        try {
            plan.withDevice(device.device());
            if (!grid.keySet().isEmpty()) {
                plan.withGridScheduler(grid);
            }
            plan.withPreCompilation();
        } catch (VirtualMachineError e) {
            throw e;
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.DEBUG, "compiling ahead: " + e);
        }
    }

    /**
     * Frees what the device holds for it. Not before the rank's own plan goes: TornadoVM unpins all arrays of a device
     * whenever a plan is closed.
     */
    @Override
    public void close() {
        for (TornadoExecutionPlan plan : plans) {
            try {
                plan.close();
            } catch (VirtualMachineError e) {
                throw e;
            } catch (TornadoExecutionPlanException | RuntimeException | Error e) {
                LOG.log(System.Logger.Level.DEBUG, "closing what was compiled ahead: " + e);
            }
        }
        plans.clear();
    }
}
