package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * Compiles the kernels of a rank side by side, while its graphs are built and before they run. TornadoVM reads and
 * compiles a graph's kernels one after the other, most of the time in NVRTC, on one core. Its CUDA backend keeps what
 * NVRTC made of a source for the whole process, so what was compiled here is only loaded when the graph runs. It writes
 * CUDA C for one kernel at a time whoever asks; reading byte code and NVRTC run on several cores.
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
    private final Queue<TornadoExecutionPlan> plans = new ConcurrentLinkedQueue<>();
    private final ExecutorService pool;

    /**
     * Compiles nothing yet, and nothing ever for a device whose backend keeps no compiled kernels for the process.
     *
     * @param grid worker grids of the graphs to come
     */
    Precompilation(Device device, GridScheduler grid) {
        this.device = device;
        this.grid = grid;
        helps = device.target().backend() == TornadoVMBackendType.CUDA && !device.target().embedded();
        pool = Executors.newFixedThreadPool(
                Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors()),
                Thread.ofPlatform().daemon().name("compile-", 0).factory());
    }

    /**
     * Begins to compile the first kernel of each kind that is new. What cannot be compiled is left to the run, which
     * says so.
     *
     * @param graph a graph that has all its tasks
     */
    void begin(KernelGraph graph) {
        if (helps) {
            graph.kindsOfTasks(kinds).forEach(single -> pool.execute(() -> compile(single)));
        }
    }

    private void compile(Supplier<ImmutableTaskGraph> single) {
        try {
            TornadoExecutionPlan plan = new TornadoExecutionPlan(single.get());
            plans.add(plan);
            // Without the grid TornadoVM would take the number of threads from the arrays.
            plan.withDevice(device.device()).withGridScheduler(grid).withPreCompilation();
        } catch (VirtualMachineError e) {
            throw e;
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.DEBUG, "compiling ahead: " + e);
        }
    }

    /** Waits until everything is compiled; nothing can be begun afterwards. */
    void await() {
        pool.shutdown();
        try {
            while (!pool.awaitTermination(1, TimeUnit.HOURS)) {
                LOG.log(System.Logger.Level.WARNING, "compiling kernels takes hours");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Frees what the device holds for it. Not before the rank's own plan goes: TornadoVM unpins all arrays of a device
     * whenever a plan is closed.
     */
    @Override
    public void close() {
        pool.shutdownNow();
        for (TornadoExecutionPlan plan : List.copyOf(plans)) {
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
