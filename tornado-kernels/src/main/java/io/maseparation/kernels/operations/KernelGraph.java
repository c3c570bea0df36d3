package io.maseparation.kernels.operations;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import java.nio.BufferOverflowException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A task graph under construction for one device. Operations add their tasks in order; transfers are collected on the
 * way and stand before and after the tasks, as TornadoVM wants them.
 */
public final class KernelGraph {
    private final String name;
    private final KernelTarget target;
    private final GridScheduler grid;
    private final List<UnaryOperator<TaskGraph>> tasks = new ArrayList<>();
    private final List<String> ids = new ArrayList<>();
    private final IdentityHashMap<HalfFloatArray, IntArray> half2s = new IdentityHashMap<>();
    /** One for all tasks: to TornadoVM it is an argument like an array, and a graph has room for a number of them. */
    private final KernelContext context = new KernelContext();

    private boolean usesContext;
    /** Whether each task continues the operation of the task before. */
    private final List<Boolean> continued = new ArrayList<>();
    private boolean inOperation;
    private boolean prepared;
    /** What was built, where its tasks are looked at. */
    private @Nullable OpenTaskGraph draft;

    private final Map<Integer, TaskInside> insides = new HashMap<>();
    private final Set<Object> constants = new LinkedHashSet<>();
    private final Set<Object> inputs = new LinkedHashSet<>();
    private final Set<Object> outputs = new LinkedHashSet<>();
    private final Set<Object> demanded = new LinkedHashSet<>();
    private final Set<Object> consumed = new LinkedHashSet<>();
    private final Set<Object> persisted = new LinkedHashSet<>();
    private final Set<Object> workspace = new LinkedHashSet<>();
    private final List<RowTransfer> rowInputs = new ArrayList<>();
    private final List<RowTransfer> rowOutputs = new ArrayList<>();
    private boolean movesRows;
    private int scratchFloats;
    private @Nullable FloatArray scratch;
    private int packedInts;
    private @Nullable IntArray packed;
    private @Nullable Packed nowPacked;
    private final IdentityHashMap<IntArray, Integer> groups = new IdentityHashMap<>();

    /**
     * A kernel to be compiled by itself.
     *
     * @param kind what its code depends on
     * @param task the task
     * @param graph a graph of that task
     */
    public record SingleKernel(KernelSources.Kind kind, TaskInside task, ImmutableTaskGraph graph) {}

    /**
     * What {@link #packed} holds.
     *
     * @param x the array that was packed
     * @param rows the step whose rows those are, or where each group's pairs begin
     * @param padded columns as packed
     * @param slots slots of a row; 0 where x has what is packed row by row
     */
    record Packed(FloatArray x, IntArray rows, int padded, int slots) {
        boolean same(@Nullable Packed other) {
            return other != null && other.x == x && other.rows == rows && other.padded == padded
                    && other.slots == slots;
        }
    }

    /**
     * @param name name of the task graph, unique within its execution plan
     * @param target the device
     * @param grid receives the worker grids of KernelContext tasks; shared by the graphs of one plan
     */
    public KernelGraph(String name, KernelTarget target, GridScheduler grid) {
        this.name = name;
        this.target = target;
        this.grid = grid;
    }

    /** The context of the graph's KernelContext tasks. */
    public KernelContext context() {
        return context;
    }

    /** The device the graph is for. */
    public KernelTarget target() {
        return target;
    }

    /** Adds a task. {@code adder} calls one of TaskGraph's {@code task} methods with a static method reference. */
    public void task(String id, UnaryOperator<TaskGraph> adder) {
        // It may write what was packed.
        nowPacked = null;
        ids.add(name + "." + id);
        tasks.add(adder);
        continued.add(inOperation);
        inOperation = false;
    }

    /** Adds a task whose operation ends with the task that is added next. */
    public void firstTask(String id, UnaryOperator<TaskGraph> adder) {
        task(id, adder);
        inOperation = true;
    }

    /** Adds a KernelContext task whose operation ends with the task that is added next. */
    void firstTask(String id, WorkerGrid workers, UnaryOperator<TaskGraph> adder) {
        task(id, workers, adder);
        inOperation = true;
    }

    /** Adds one task of an operation that has one for each part of the KV cache. */
    void partTask(String id, KvCache.Part part, UnaryOperator<TaskGraph> adder) {
        task(id, adder);
        inOperation = !part.isLast();
    }

    /** Adds one KernelContext task of an operation that has one for each part of the KV cache. */
    void partTask(String id, KvCache.Part part, WorkerGrid workers, UnaryOperator<TaskGraph> adder) {
        task(id, workers, adder);
        inOperation = !part.isLast();
    }

    /** Adds a KernelContext task with its worker grid. */
    public void task(String id, WorkerGrid workers, UnaryOperator<TaskGraph> adder) {
        grid.addWorkerGrid(name + "." + id, workers);
        usesContext = true;
        task(id, adder);
    }

    /** Arrays that go to the device once and stay there: weights, tables, and state such as the KV cache. */
    public void constant(Object... arrays) {
        Collections.addAll(constants, arrays);
    }

    /**
     * An array of fp16 as integers of two each, over the same memory. To TornadoVM it is another array: where a graph
     * also takes the array itself, the device holds it twice.
     */
    public IntArray half2(HalfFloatArray halves) {
        return half2s.computeIfAbsent(halves, h -> {
            IntArray pairs = IntArray.fromSegmentShallow(h.getSegmentWithHeader()
                    .asSlice(0, TornadoNativeArray.ARRAY_HEADER + 4L * (h.getSize() / 2)));
            constants.add(pairs);
            return pairs;
        });
    }

    /** Says that a task needs this many floats for itself while it runs. */
    public void needScratch(int floats) {
        scratchFloats = Math.max(scratchFloats, floats);
    }

    /** What the tasks' {@link #needScratch} came to; for use when the graph is built. */
    public FloatArray scratch() {
        return Objects.requireNonNull(scratch, "tasks are added when the graph is built, after it");
    }

    /** Says that a task needs this many integers for x in the form that tensor cores take. */
    void needPacked(int ints) {
        packedInts = Math.max(packedInts, ints);
    }

    /** What the tasks' {@link #needPacked} came to; for use when the graph is built. */
    IntArray packed() {
        return Objects.requireNonNull(packed, "tasks are added when the graph is built, after it");
    }

    /** Whether {@link #packed} will hold this when the next task runs. */
    boolean isPacked(Packed what) {
        return what.same(nowPacked);
    }

    /** Says what {@link #packed} holds after the tasks so far; the next task makes that void. */
    void nowPacked(Packed what) {
        nowPacked = what;
    }

    /** Says how many groups {@code offsets} has. */
    void groups(IntArray offsets, int count) {
        groups.put(offsets, count);
    }

    /** How many groups {@code offsets} has: what was said, or as many as there is room for. */
    int groups(IntArray offsets) {
        return groups.getOrDefault(offsets, offsets.getSize() - 1);
    }

    /** Arrays that go to the device at every execution. */
    public void input(Object... arrays) {
        Collections.addAll(inputs, arrays);
    }

    /** Arrays that come back to the host at every execution. */
    public void output(Object... arrays) {
        Collections.addAll(outputs, arrays);
    }

    /** Arrays that come back to the host only when asked for after an execution. */
    public void outputOnDemand(Object... arrays) {
        Collections.addAll(demanded, arrays);
    }

    /**
     * Leaves out of the graph what {@link #inputRows} and {@link #outputRows} name: whoever executes it moves those
     * rows himself, before and after, with {@link PartialInput} and transfers on demand. To be called first.
     */
    public void moveRows() {
        movesRows = true;
    }

    /** An array of which each execution needs a step's rows on the device: the whole of it, unless rows are moved. */
    public void inputRows(IntArray step, int width, FloatArray array) {
        if (movesRows) {
            add(rowInputs, new RowTransfer(step, width, array));
            workspace.add(array);
        } else {
            inputs.add(array);
        }
    }

    /** An array of which each execution brings a step's rows to the host: the whole of it, unless rows are moved. */
    public void outputRows(IntArray step, int width, FloatArray array) {
        if (movesRows) {
            add(rowOutputs, new RowTransfer(step, width, array));
            demanded.add(array);
        } else {
            outputs.add(array);
        }
    }

    /** Two tasks that need an array get it once. */
    private static void add(List<RowTransfer> transfers, RowTransfer transfer) {
        if (transfers.stream().noneMatch(t -> t.array() == transfer.array())) {
            transfers.add(transfer);
        }
    }

    /** {@return what goes to the device before an execution, in rows} */
    public List<RowTransfer> rowInputs() {
        return List.copyOf(rowInputs);
    }

    /** {@return what comes back after an execution, in rows} */
    public List<RowTransfer> rowOutputs() {
        return List.copyOf(rowOutputs);
    }

    /** Arrays taken over on the device from the graph executed before this one. */
    public void consume(Object... arrays) {
        Collections.addAll(consumed, arrays);
    }

    /** Arrays left on the device for the graph executed after this one. */
    public void persist(Object... arrays) {
        Collections.addAll(persisted, arrays);
    }

    /**
     * Arrays that only tasks of this graph write and read, apart from those that are declared otherwise too. When a
     * plan is closed, TornadoVM neither frees nor unpins what no transfer names.
     */
    public void workspace(Object... arrays) {
        Collections.addAll(workspace, arrays);
    }

    /** Names of the tasks in order, as profiles have them: name of the graph, a dot, the task's. */
    public List<String> taskNames() {
        return List.copyOf(ids);
    }

    /** For each task whether it belongs to the operation of the task before. */
    public List<Boolean> continuedOperations() {
        return List.copyOf(continued);
    }

    /** Bytes that go to the device at every execution, whatever a step uses of them. */
    public long inputBytes() {
        return bytes(inputs);
    }

    /** Bytes that come back to the host at every execution. */
    public long outputBytes() {
        return bytes(outputs);
    }

    /** Arrays that come back to the host at every execution, and never go to the device. */
    public List<Object> answers() {
        Set<Object> answers = new LinkedHashSet<>(outputs);
        List.of(constants, inputs, consumed).forEach(answers::removeAll);
        return List.copyOf(answers);
    }

    private static long bytes(Set<Object> arrays) {
        return arrays.stream()
                .mapToLong(a -> ((TornadoNativeArray) a).getNumBytesOfSegment())
                .sum();
    }

    /** Whether TornadoVM has nodes for it in any case; whether its list of tasks has room shows when it is built. */
    public boolean hasRoom() {
        return target.embedded() || GraphLimits.haveRoom(tasks.size(), usesContext ? 1 : 0, declared());
    }

    private List<Set<Object>> declared() {
        return List.of(constants, inputs, outputs, demanded, consumed, persisted, workspace);
    }

    /**
     * Lets all small inputs go to the device before anything runs: TornadoVM sends each before the first task that
     * reads it, and a kernel that waits for a copy in the middle of a CUDA graph begins up to 90 µs later.
     */
    private void readInputsFirst() {
        List<IntArray> ints = new ArrayList<>();
        for (Object input : inputs) {
            if (input instanceof IntArray array) {
                ints.add(array);
            }
        }
        if (ints.size() < 3 || !usesContext) {
            return;
        }
        IntArray read = DeviceArrays.ints(1);
        workspace.add(read);
        IntFunction<IntArray> input = i -> ints.get(Math.min(i, ints.size() - 1));
        String id = "inputs";
        grid.addWorkerGrid(name + "." + id, WorkerGrids.groups(1, WorkerGrids.WARP));
        ids.addFirst(name + "." + id);
        tasks.addFirst(t -> t.task(
                id, RowsGpu::read, context, input.apply(0), input.apply(1), input.apply(2), input.apply(3),
                input.apply(4), read));
        // It counts as part of the first operation.
        continued.set(0, true);
        continued.addFirst(false);
    }

    /**
     * Graphs of a single task each, for compiling kernels before this graph runs: of the first task of each kind.
     * They have no transfers and are not to be executed.
     *
     * @param known kernels that are compiled, or about to be; gets those of this graph
     */
    public List<SingleKernel> newKernels(Set<KernelSources.Kind> known) {
        List<SingleKernel> kernels = new ArrayList<>();
        for (int i = 0; i < tasks.size(); i++) {
            KernelSources.Kind kind = kind(i);
            if (kind != null && known.add(kind)) {
                // The name of the graph, since worker grids are found by it.
                OpenTaskGraph single = new OpenTaskGraph(name);
                ImmutableTaskGraph graph = tasks.get(i).apply(single).snapshot();
                kernels.add(new SingleKernel(kind, single.task(taskName(i)), graph));
            }
        }
        return kernels;
    }

    /**
     * Gives tasks the code of kernels that were compiled for others.
     *
     * @param sources the code
     * @param plan the plan this graph is in, before anything of it runs
     * @param device the plan's device
     * @throws LinkageError if TornadoVM is not as expected
     */
    public void install(KernelSources sources, TornadoExecutionPlan plan, TornadoDevice device) {
        // TornadoVM compiles a graph's last task in any case.
        for (int i = 0; i < tasks.size() - 1; i++) {
            KernelSources.Source source = sources.of(kind(i));
            if (source != null) {
                inside(i).install(plan, device, source);
            }
        }
    }

    private KernelSources.@Nullable Kind kind(int task) {
        WorkerGrid workers = grid.get(ids.get(task));
        // Tasks of libraries have no kernel, and no workers.
        return workers == null ? null : KernelSources.Kind.of(inside(task), workers);
    }

    /** A task is looked up once: TornadoVM finds one by going through all of its graph. */
    private TaskInside inside(int task) {
        OpenTaskGraph graph = Objects.requireNonNull(draft, "build() comes before");
        return insides.computeIfAbsent(task, i -> graph.task(taskName(i)));
    }

    private String taskName(int task) {
        return ids.get(task).substring(name.length() + 1);
    }

    /** Makes what tasks need beside their own arrays. */
    private void prepare() {
        if (prepared) {
            return;
        }
        prepared = true;
        if (scratchFloats > 0) {
            scratch = DeviceArrays.floats(scratchFloats);
            workspace.add(scratch);
        }
        if (packedInts > 0) {
            packed = DeviceArrays.ints(packedInts);
            workspace.add(packed);
        }
        if (target.cudaGraphs() && !target.embedded()) {
            readInputsFirst();
        }
    }

    /**
     * The finished graph.
     *
     * @throws GraphTooLargeException if TornadoVM has no room for it
     */
    public ImmutableTaskGraph build() {
        prepare();
        // What is consumed or sent each time must not be copied once as well.
        List.of(inputs, consumed).forEach(constants::removeAll);
        // What only comes back is declared on its way in as well: freeing stops at arrays that another graph has freed.
        List.of(outputs, demanded).forEach(workspace::addAll);
        List.of(constants, inputs, consumed).forEach(workspace::removeAll);
        if (!target.embedded()) {
            GraphLimits.check(name, tasks.size(), usesContext ? 1 : 0, declared());
            DefaultBackend.use(target.backend());
        }
        TaskGraph graph = new TaskGraph(name);
        if (target.sharesSources()) {
            draft = new OpenTaskGraph(name);
            graph = draft;
        }
        if (!constants.isEmpty()) {
            graph = graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, constants.toArray());
        }
        if (!workspace.isEmpty()) {
            // On the way to the device this makes room and copies nothing.
            graph = graph.transferToDevice(DataTransferMode.UNDER_DEMAND, workspace.toArray());
        }
        if (!inputs.isEmpty()) {
            graph = graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, inputs.toArray());
        }
        // Last of what goes in: TornadoVM frees a graph's arrays in this order, then those that only come back.
        if (!consumed.isEmpty()) {
            graph = graph.consumeFromDevice(consumed.toArray());
        }
        try {
            for (UnaryOperator<TaskGraph> task : tasks) {
                graph = task.apply(graph);
            }
        } catch (BufferOverflowException e) {
            throw new GraphTooLargeException(
                    name, tasks.size(), "the list of them and their arguments has room for %d bytes"
                            .formatted(GraphLimits.TASK_LIST_BYTES));
        }
        if (!outputs.isEmpty()) {
            graph = graph.transferToHost(DataTransferMode.EVERY_EXECUTION, outputs.toArray());
        }
        if (!demanded.isEmpty()) {
            graph = graph.transferToHost(DataTransferMode.UNDER_DEMAND, demanded.toArray());
        }
        if (!persisted.isEmpty()) {
            graph = graph.persistOnDevice(persisted.toArray());
        }
        return graph.snapshot();
    }
}
