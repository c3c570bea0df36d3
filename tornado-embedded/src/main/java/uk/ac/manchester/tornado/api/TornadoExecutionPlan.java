package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** Task graphs that share a device and, on it, what they persist for each other. Used by one thread at a time. */
public final class TornadoExecutionPlan implements AutoCloseable {
    private final List<ImmutableTaskGraph> graphs;
    private final List<DeviceMemory> memories = new ArrayList<>();
    private EmbeddedDevice device;
    private GridScheduler grid = new GridScheduler();
    private int selected = -1;
    private DeviceMemory last;

    /** @param immutableTaskGraphs graphs, by index */
    public TornadoExecutionPlan(ImmutableTaskGraph... immutableTaskGraphs) {
        graphs = List.of(immutableTaskGraphs);
        withDevice(TornadoRuntimeProvider.getTornadoRuntime().getDefaultDevice());
    }

    /** Device {@code deviceIndex} of backend {@code driverIndex}. */
    public static TornadoDevice getDevice(int driverIndex, int deviceIndex) {
        return TornadoRuntimeProvider.getTornadoRuntime().getBackend(driverIndex).getDevice(deviceIndex);
    }

    /** Selects a graph for the executions that follow. */
    public TornadoExecutionPlan withGraph(int graphIndex) {
        if (graphIndex < 0 || graphIndex >= graphs.size()) {
            throw new TornadoRuntimeException("no graph " + graphIndex + " in a plan of " + graphs.size());
        }
        selected = graphIndex;
        return this;
    }

    /** Selects all graphs, in order. */
    public TornadoExecutionPlan withAllGraphs() {
        selected = -1;
        return this;
    }

    /** Selects the device. What was on another device is lost. */
    public TornadoExecutionPlan withDevice(TornadoDevice device) {
        if (!(device instanceof EmbeddedDevice embedded)) {
            throw new TornadoRuntimeException("not a device of this runtime: " + device);
        }
        freeDeviceMemory();
        memories.clear();
        this.device = embedded;
        for (ImmutableTaskGraph graph : graphs) {
            memories.add(new DeviceMemory(
                    graph.graph().getTaskGraphName(), graph.graph().transfers(), embedded));
        }
        return this;
    }

    /** Worker grids of the tasks that have a KernelContext. */
    public TornadoExecutionPlan withGridScheduler(GridScheduler gridScheduler) {
        grid = gridScheduler;
        return this;
    }

    /** Compiles ahead; there is nothing to compile here. */
    public TornadoExecutionPlan withPreCompilation() {
        return this;
    }

    /**
     * Runs the selected graph, or all of them in order, and returns when they are done.
     *
     * @throws TornadoRuntimeException if a task fails; it names the task
     */
    public TornadoExecutionResult execute() {
        if (selected >= 0) {
            run(selected);
        } else {
            for (int i = 0; i < graphs.size(); i++) {
                run(i);
            }
        }
        return new TornadoExecutionResult(device.isStrict() ? last : null);
    }

    private void run(int index) {
        TaskGraph graph = graphs.get(index).graph();
        if (!device.isStrict()) {
            for (EmbeddedTask task : graph.tasks()) {
                runTask(task, task.arguments());
            }
            return;
        }
        DeviceMemory memory = memories.get(index);
        memory.consume(last);
        memory.transferIn();
        for (EmbeddedTask task : graph.tasks()) {
            Object[] arguments = new Object[task.arguments().length];
            for (int i = 0; i < arguments.length; i++) {
                arguments[i] = memory.onDevice(task.arguments()[i]);
            }
            runTask(task, arguments);
        }
        memory.transferOut();
        memory.release();
        last = memory;
    }

    private void runTask(EmbeddedTask task, Object[] arguments) {
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
        } catch (RuntimeException e) {
            throw failure("task " + task.name() + ": " + e.getMessage(), e);
        }
    }

    /** TornadoVM's exception takes no cause beside a message. */
    static TornadoRuntimeException failure(String message, Throwable cause) {
        TornadoRuntimeException failure = new TornadoRuntimeException(message);
        failure.initCause(cause);
        return failure;
    }

    /** Bytes that the plan holds on a strict device; 0 where device memory is host memory. */
    public long getCurrentDeviceMemoryUsage() {
        return memories.stream().mapToLong(DeviceMemory::bytes).sum();
    }

    /** Frees what the plan holds on the device. */
    public TornadoExecutionPlan freeDeviceMemory() {
        memories.forEach(DeviceMemory::freeAll);
        last = null;
        return this;
    }

    /** Frees what the plan holds on the device. */
    @Override
    public void close() throws TornadoExecutionPlanException {
        freeDeviceMemory();
    }
}
