package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import io.maseparation.tornado.embedded.EmbeddedRuntime;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Task graphs that are executed one by one or all in order, and that hand each other what they persist on the device.
 * Tasks run in the thread that calls {@link #execute}, those with a KernelContext on all processors besides. Different
 * plans may run in different threads at the same time; one plan is used by one thread at a time.
 *
 * <p>On a device that shares the host's memory, transfers do nothing and arrays are held once. On a strict device
 * ({@link io.maseparation.tornado.embedded.EmbeddedDevices#strict}) every graph has copies of its own, as in TornadoVM;
 * unlike there, an array that is read without having been transferred is not sent silently but is NaN, and a copy that
 * nothing declares to stay is gone after the execution.
 */
public final class TornadoExecutionPlan implements AutoCloseable {
    /** A graph, and what it holds on its device. */
    private static final class Graph {
        final TaskGraph tasks;
        final StringBuilder log = new StringBuilder();
        DeviceMemory memory;

        Graph(TaskGraph tasks, EmbeddedDevice device) {
            this.tasks = tasks;
            moveTo(device);
        }

        void moveTo(EmbeddedDevice device) {
            if (memory != null) {
                if (memory.device().equals(device)) {
                    return;
                }
                memory.freeAll();
            }
            memory = new DeviceMemory(tasks.getTaskGraphName(), tasks.transfers(), device);
        }
    }

    private final List<Graph> graphs;
    private final AtomicBoolean running = new AtomicBoolean();
    private List<Graph> selected;
    private GridScheduler grid = new GridScheduler();
    private boolean profiled;
    private long kernelNanos;

    /** The last graph of the last execution; that of TornadoVM is null, too, during the first. */
    private @Nullable Graph last;

    /**
     * All graphs are selected, on the default device.
     *
     * @param immutableTaskGraphs graphs, by index
     */
    public TornadoExecutionPlan(ImmutableTaskGraph... immutableTaskGraphs) {
        EmbeddedDevice device = (EmbeddedDevice) EmbeddedRuntime.INSTANCE.getDefaultDevice();
        graphs = Stream.of(immutableTaskGraphs)
                .map(g -> new Graph(g.graph(), device))
                .toList();
        selected = graphs;
    }

    /** Device {@code deviceIndex} of backend {@code driverIndex}. */
    public static TornadoDevice getDevice(int driverIndex, int deviceIndex) {
        return TornadoRuntimeProvider.getTornadoRuntime().getBackend(driverIndex).getDevice(deviceIndex);
    }

    /** The device of a graph. */
    public TornadoDevice getDevice(int immutableTaskGraphIndex) {
        return graph(immutableTaskGraphIndex).memory.device();
    }

    private Graph graph(int index) {
        if (index < 0 || index >= graphs.size()) {
            throw new TornadoRuntimeException("no graph " + index + " in a plan of " + graphs.size());
        }
        return graphs.get(index);
    }

    /** Selects a graph for what follows. */
    public TornadoExecutionPlan withGraph(int graphIndex) {
        selected = List.of(graph(graphIndex));
        return this;
    }

    /** Selects all graphs, in order. */
    public TornadoExecutionPlan withAllGraphs() {
        selected = graphs;
        return this;
    }

    /** Moves the selected graphs to a device. What they hold on another is lost. */
    public TornadoExecutionPlan withDevice(TornadoDevice device) {
        if (!(device instanceof EmbeddedDevice embedded)) {
            throw new TornadoRuntimeException("not a device of this runtime: " + device);
        }
        selected.forEach(g -> g.moveTo(embedded));
        return this;
    }

    /**
     * Sets the worker grids of tasks, named graph.task. A task that has a KernelContext needs one; a task of parallel
     * loops runs the loops whatever its grid.
     *
     * @throws TornadoRuntimeException as TornadoVM if it names no task of this plan
     */
    public TornadoExecutionPlan withGridScheduler(GridScheduler gridScheduler) {
        boolean known = graphs.stream()
                .flatMap(g -> g.tasks.tasks().stream())
                .anyMatch(t -> gridScheduler.get(t.name()) != null);
        if (!known) {
            throw new TornadoRuntimeException(
                    "the grid scheduler names no task of this plan, but " + gridScheduler.keySet());
        }
        grid = gridScheduler;
        return this;
    }

    /** Leaves the size of groups to the device where no grid says otherwise, which is how it is here anyway. */
    public TornadoExecutionPlan withDefaultScheduler() {
        return this;
    }

    /** Compiles ahead; there is nothing to compile here. */
    public TornadoExecutionPlan withPreCompilation() {
        return this;
    }

    /** Executes the selected graphs a number of times. */
    public TornadoExecutionPlan withWarmUpIterations(int iterations) {
        if (iterations < 0) {
            throw new TornadoRuntimeException(iterations + " iterations to warm up");
        }
        for (int i = 0; i < iterations; i++) {
            execute();
        }
        return this;
    }

    /** Prints the kernels a device compiles; there are none here. */
    public TornadoExecutionPlan withPrintKernel() {
        return this;
    }

    /** Ends {@link #withPrintKernel}. */
    public TornadoExecutionPlan withoutPrintKernel() {
        return this;
    }

    /** Times every task from now on. */
    public TornadoExecutionPlan withProfiler(ProfilerMode profilerMode) {
        profiled = true;
        return this;
    }

    /** Ends {@link #withProfiler}. */
    public TornadoExecutionPlan withoutProfiler() {
        profiled = false;
        return this;
    }

    /** Launches a graph as one; nothing is launched here. */
    public TornadoExecutionPlan withCUDAGraph() {
        return this;
    }

    /**
     * Runs the selected graphs in order and returns when they are done. As in TornadoVM the graphs of one call do not
     * consume from each other: what counts is the last graph of the call before.
     *
     * @throws TornadoRuntimeException if a task fails; it names the task and has the failure as its cause
     */
    public TornadoExecutionResult execute() {
        if (!running.compareAndSet(false, true)) {
            throw new TornadoRuntimeException("the plan is being executed already");
        }
        try {
            kernelNanos = 0;
            for (Graph graph : selected) {
                run(graph);
            }
            last = selected.isEmpty() ? last : selected.getLast();
        } finally {
            running.set(false);
        }
        String log = profiled ? selected.stream().map(g -> g.log.toString()).collect(Collectors.joining()) : "";
        return new TornadoExecutionResult(this, new TornadoProfilerResult(log, kernelNanos));
    }

    private void run(Graph graph) {
        DeviceMemory memory = graph.memory;
        boolean strict = memory.device().isStrict();
        if (strict) {
            memory.consume(last == null ? null : last.memory);
        }
        StringBuilder times = new StringBuilder();
        try {
            if (strict) {
                memory.transferIn();
            }
            for (EmbeddedTask task : graph.tasks.tasks()) {
                Object[] arguments = strict
                        ? Stream.of(task.arguments()).map(memory::onDevice).toArray()
                        : task.arguments();
                if (profiled) {
                    long start = System.nanoTime();
                    run(task, arguments);
                    long nanos = System.nanoTime() - start;
                    kernelNanos += nanos;
                    times.append(", \"%s\": {\"TASK_KERNEL_TIME\": \"%d\"}".formatted(task.name(), nanos));
                } else {
                    run(task, arguments);
                }
            }
            if (strict) {
                memory.transferOut();
            }
        } finally {
            if (strict) {
                memory.forgetTemporaries();
            }
        }
        if (profiled) {
            graph.log.append("{\"%s\": {\"TOTAL_KERNEL_TIME\": \"%d\"%s}}%n"
                    .formatted(graph.tasks.getTaskGraphName(), kernelNanos, times));
        }
    }

    private void run(EmbeddedTask task, Object[] arguments) {
        int context = task.contextIndex();
        try {
            if (context < 0) {
                task.code().call(arguments);
            } else {
                WorkerGrid workers = grid.get(task.name());
                if (workers == null) {
                    throw new TornadoRuntimeException("it has a KernelContext but no worker grid");
                }
                GridRunner.run(task.code(), arguments, context, workers);
            }
        } catch (Throwable t) {
            // A kernel's own exceptions say less than the runtime's.
            String what = t instanceof TornadoRuntimeException ? t.getMessage() : t.toString();
            throw failure("task " + task.name() + ": " + what, t);
        }
    }

    /** TornadoVM's exception takes no cause beside a message. */
    static TornadoRuntimeException failure(String message, Throwable cause) {
        TornadoRuntimeException failure = new TornadoRuntimeException(message);
        failure.initCause(cause);
        return failure;
    }

    void copyOut(TornadoNativeArray array, long offset, long bytes) {
        List<DeviceMemory> strict = selected.stream()
                .map(g -> g.memory)
                .filter(m -> m.device().isStrict())
                .toList();
        List<DeviceMemory> holders = strict.stream().filter(m -> m.has(array)).toList();
        // With no holder, the first says what is missing.
        (holders.isEmpty() ? strict.stream().limit(1) : holders.stream()).forEach(m -> m.copyOut(array, offset, bytes));
    }

    /**
     * Takes the beginning of an array to a strict device, as TornadoVM's buffers can beside its API.
     *
     * @return whether the graph has a copy there
     */
    boolean send(ImmutableTaskGraph graph, TornadoNativeArray array, long bytes) {
        DeviceMemory memory = graphs.stream()
                .filter(g -> g.tasks.equals(graph.graph()))
                .findFirst()
                .orElseThrow().memory;
        return memory.send(array, bytes);
    }

    /** Bytes that all graphs of the plan hold on strict devices; 0 where device memory is host memory. */
    public long getCurrentDeviceMemoryUsage() {
        return graphs.stream().mapToLong(g -> g.memory.bytes()).sum();
    }

    /** Frees what the plan holds on its devices. The next execution is a first one. */
    public TornadoExecutionPlan freeDeviceMemory() {
        graphs.forEach(g -> g.memory.freeAll());
        last = null;
        return this;
    }

    /** Frees what the plan holds on its devices. */
    @Override
    public void close() throws TornadoExecutionPlanException {
        freeDeviceMemory();
    }
}
