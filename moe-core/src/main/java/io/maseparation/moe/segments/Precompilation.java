package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.KernelSources;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * Compiles the kernels of a rank side by side before its graphs run, each once however many tasks it serves.
 * TornadoVM compiles a graph's kernels one after the other, most of the time in NVRTC, on one core, and translates the
 * byte code of each task. Its CUDA backend keeps what NVRTC made of a source for the whole process, so what was
 * compiled here is only loaded for the other tasks. It writes CUDA C for one kernel at a time whoever asks; NVRTC runs
 * on several cores. What tasks do with their arguments goes through a static field when they are added to a graph, so
 * that is done by one thread at a time.
 *
 * <p>To be used by one thread.
 */
final class Precompilation implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Precompilation.class.getName());

    /** More gain nothing: a few kernels take much longer than the others. */
    private static final int MOST_THREADS = 8;

    private final Device device;
    private final GridScheduler grid;
    private final List<TornadoExecutionPlan> plans = new ArrayList<>();
    private final KernelSources sources = new KernelSources();

    /**
     * Compiles nothing yet, and nothing ever for a device whose backend keeps no compiled kernels for the process.
     *
     * @param grid worker grids of the graphs to come
     */
    Precompilation(Device device, GridScheduler grid) {
        this.device = device;
        this.grid = grid;
    }

    /**
     * Compiles the first kernel of each kind; to be called once. What cannot be compiled is left to the run, which says
     * so.
     *
     * @param graphs graphs that are built
     */
    void run(List<KernelGraph> graphs) {
        if (!device.target().sharesSources()) {
            return;
        }
        Set<KernelSources.Kind> known = new HashSet<>();
        List<KernelGraph.SingleKernel> kernels = new ArrayList<>();
        try {
            graphs.forEach(graph -> kernels.addAll(graph.newKernels(known)));
        } catch (LinkageError e) {
            LOG.log(System.Logger.Level.WARNING, "every task is compiled by itself: " + e);
            return;
        }
        int threads = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (KernelGraph.SingleKernel kernel : kernels) {
                TornadoExecutionPlan plan = new TornadoExecutionPlan(kernel.graph());
                plans.add(plan);
                pool.execute(() -> compile(kernel, plan));
            }
        }
    }

    /**
     * Puts a plan on the device and gives its tasks their worker grids and what was compiled.
     *
     * @param graphs the graphs
     * @param plan their plan, before anything of it runs
     */
    void install(List<KernelGraph> graphs, TornadoExecutionPlan plan) {
        place(plan);
        if (!device.target().sharesSources()) {
            return;
        }
        try {
            graphs.forEach(graph -> graph.install(sources, plan, device.device()));
        } catch (LinkageError e) {
            LOG.log(System.Logger.Level.WARNING, "every task is compiled by itself: " + e);
        }
    }

    private void place(TornadoExecutionPlan plan) {
        plan.withDevice(device.device());
        if (!grid.keySet().isEmpty()) {
            plan.withGridScheduler(grid);
        }
    }

    private void compile(KernelGraph.SingleKernel kernel, TornadoExecutionPlan plan) {
        try {
            place(plan);
            plan.withPreCompilation();
            sources.keep(kernel, plan, device.device());
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
