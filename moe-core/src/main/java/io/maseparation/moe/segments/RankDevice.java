package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.operations.PartialInput;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;

/**
 * One rank's share of a model on one device: a single execution plan that holds all its task graphs, since TornadoVM
 * gives separate plans separate copies of an array. Used by one thread at a time.
 */
public final class RankDevice implements AutoCloseable {
    /**
     * Held while a graph runs for the first times: some drivers cannot compile twice at the same time (PoCL's cache of
     * kernels), and CUDA cannot capture two graphs.
     */
    private static final Object COMPILING = new Object();

    /** Compilation, then capture. */
    private static final int FIRST_RUNS = 3;

    private final TornadoExecutionPlan plan;
    /** What all arrays of this rank belong to, where they do not go one by one when they are garbage. */
    private final Optional<ArrayMemory> memory;
    private final Precompilation compilation;
    private final RankArrays arrays;
    private final TornadoDevice device;
    private final RankBuffers buffers;
    /** The graphs that each segment runs, one after the other. */
    private final Map<String, List<RankGraph>> graphs = new LinkedHashMap<>();
    private final Map<Integer, Integer> profileLengths = new HashMap<>();
    private final boolean compiles;
    private final boolean tensorCores;
    private final boolean hostMemory;
    private final HostKv kv;
    private final CacheContents caches;
    private final boolean handsOn;
    private final boolean capturesGraphs;
    private Beginning beginning = Beginning.TO_COME;
    private final int graphCount;
    /** Place in the plan of the graph that makes the caches, if it has one. */
    private final int cacheGraph;

    private final Map<Integer, Integer> runs = new HashMap<>();
    private @Nullable TornadoExecutionResult last;
    private long firstRunNanos;

    /** How far {@link #begin} has come. */
    private enum Beginning {
        TO_COME, BROKEN_OFF, DONE
    }

    /**
     * Builds the graphs. What they find on the device, and hand on, goes there with the first segment that runs.
     *
     * @param device where to run
     * @param weights the model; ranks of one process share it
     * @param shard what of it this rank holds
     * @param capacity sizes of the buffers
     * @param segments all segments the rank's program runs
     * @throws ModelException if a buffer would be too large for an array, or a segment for one task graph of TornadoVM
     */
    public RankDevice(
            Device device, ModelWeights weights, Shard shard, Capacity capacity, List<Segment> segments) {
        this(device, weights, shard, capacity, segments, false);
    }

    /** The same with a profiler, which makes graphs slower; see {@link #runProfiled}. */
    public RankDevice(
            Device device, ModelWeights weights, Shard shard, Capacity capacity, List<Segment> segments,
            boolean profiled) {
        this.device = device.device();
        ModelConfig config = weights.config();
        compiles = !device.target().embedded();
        boolean f16 = config.weightType() == DataType.F16 || capacity.kvType() == DataType.F16;
        tensorCores = device.multipliesOnTensorCores() && f16;
        memory = compiles ? Optional.empty() : Optional.of(new ArrayMemory());
        GridScheduler grid = new GridScheduler();
        compilation = new Precompilation(device, grid);
        // A profile is of graphs that bring everything with them.
        boolean movesRows = !profiled && PartialInput.possible(device.device());
        Supplier<RankParts> make = () -> RankParts.of(device, weights, shard, capacity, segments, grid, movesRows);
        RankParts parts = compiles ? compiled(make) : made(make);
        arrays = parts.arrays();
        buffers = RankBuffers.of(arrays, parts.rope());
        caches = new CacheContents(arrays.caches, shard, parts.caches());
        kv = new HostKv(arrays.caches, caches::makeOnHost);
        // TornadoVM's other backends throw what their drivers say.
        boolean mayFallSilent = compiles && device.target().backend() == TornadoVMBackendType.PTX;
        List<ImmutableTaskGraph> built = new ArrayList<>();
        parts.first().ifPresent(built::add);
        parts.pieces().values().forEach(of -> of.forEach(piece -> built.add(piece.built())));
        handsOn = parts.first().isPresent();
        capturesGraphs = device.target().cudaGraphs() && !profiled;
        cacheGraph = built.size();
        parts.caches().map(DeviceCaches::graph).ifPresent(built::add);
        graphCount = built.size();
        plan = made(() -> new TornadoExecutionPlan(built.toArray(ImmutableTaskGraph[]::new)));
        parts.pieces().forEach((segment, of) -> {
            List<RankGraph> own = new ArrayList<>();
            for (SegmentBuilder.Piece piece : of) {
                own.add(RankGraph.of(piece, shard, plan, built.indexOf(piece.built()), this.device, mayFallSilent));
            }
            if (graphs.put(segment.name(), own) != null) {
                throw new IllegalArgumentException("two segments named " + segment.name());
            }
        });
        try {
            hostMemory = prepared(device, profiled, weights, parts);
        } catch (RuntimeException | Error e) {
            // What it took before the device was full; nobody else could free it.
            try {
                close();
            } catch (RuntimeException | Error alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
    }

    /** Gets the plan ready to run; whether what is on the device is this process's own memory. */
    private boolean prepared(Device device, boolean profiled, ModelWeights weights, RankParts parts) {
        compilation.install(parts.graphs(), plan);
        if (profiled) {
            plan.withProfiler(ProfilerMode.SILENT);
        }
        // Now they are needed.
        weights.awaitMade();
        if (!compiles) {
            begin();
        }
        // Only a device with a memory of its own has anything on it by now.
        return device.target().embedded() && handsOn && plan.getCurrentDeviceMemoryUsage() == 0;
    }

    /** What something makes, with its kernels compiled. */
    private RankParts compiled(Supplier<RankParts> make) {
        long start = System.nanoTime();
        synchronized (COMPILING) {
            try {
                RankParts parts = make.get();
                compilation.run(parts.graphs());
                firstRunNanos += System.nanoTime() - start;
                return parts;
            } catch (RuntimeException | Error e) {
                compilation.close();
                throw e;
            }
        }
    }

    /** What something makes, whose arrays are the rank's; if it fails, all of them are freed. */
    private <T> T made(Supplier<T> what) {
        return memory.isPresent() ? memory.get().make(what) : what.get();
    }

    /** Bytes of host memory that a rank's weights take on a device beside the model's own arrays. */
    public static long copiedWeightBytes(Device device, ModelWeights weights, Shard shard) {
        return device.target().embedded() ? 0 : ShardWeights.copiedBytes(weights, shard);
    }

    /** Number of tasks of a segment; each costs a launch on a GPU. */
    public int tasks(String segment) {
        return graphs(segment).stream().mapToInt(graph -> graph.tasks().size()).sum();
    }

    /**
     * Bytes that an execution of a segment takes to the device and back, where that has a memory of its own, for the
     * rows that are laid out now.
     */
    public long transferBytes(String segment) {
        return graphs(segment).stream()
                .mapToLong(graph -> graph.transferBytes() + graph.rows().bytes())
                .sum();
    }

    private List<RankGraph> graphs(String segment) {
        return Objects.requireNonNull(graphs.get(segment), () -> "no segment named " + segment);
    }

    /** Nanoseconds that segments took so far while they were compiled and weights went to the device. */
    public long firstRunNanos() {
        return firstRunNanos;
    }

    /** Whether tensor cores multiply fp16 weights or over an fp16 cache, where what is beyond 65504 is no number. */
    public boolean multipliesOnTensorCores() {
        return tensorCores;
    }

    /** The rank's arrays on the host. */
    public RankBuffers buffers() {
        return buffers;
    }

    /**
     * Gives a sequence a context of keys and values that nobody computed, for measurements. To be called before any
     * segment runs: caches go to the device once.
     *
     * @param seed of the values; the same on all ranks
     * @param sequence number of the sequence
     * @param firstBlock the first of its blocks of the cache, which follow each other
     * @param depth positions to fill
     */
    public void fillCache(long seed, int sequence, int firstBlock, int depth) {
        caches.fill(new SyntheticContext.Slot(seed, sequence, firstBlock, depth));
    }

    /** Puts on the device what segments find there. */
    private void begin() {
        if (beginning == Beginning.DONE) {
            return;
        }
        if (beginning == Beginning.BROKEN_OFF) {
            throw new IllegalStateException("the rank's caches could not be made on its device");
        }
        beginning = Beginning.BROKEN_OFF;
        synchronized (COMPILING) {
            long start = System.nanoTime();
            caches.make(device, plan, cacheGraph, this::appending);
            // From now on graphs run over the same arrays every time. A profile needs the time of each task, which a
            // graph launched as one does not have.
            if (capturesGraphs) {
                // Of the graphs that are selected.
                plan.withAllGraphs().withCUDAGraph();
            }
            // The last before the segments: arrays are handed on from the graph that ran before.
            if (handsOn) {
                plan.withGraph(0).execute();
            }
            firstRunNanos += compiles ? System.nanoTime() - start : 0;
        }
        beginning = Beginning.DONE;
    }

    /**
     * Runs a segment on the rows that {@link RankBuffers.Inputs#step} names and returns when it is done.
     *
     * @param segment name of one of the segments given at construction
     */
    public void run(String segment) {
        graphs(segment).forEach(this::execute);
    }

    private TornadoExecutionResult execute(RankGraph graph) {
        begin();
        if (!graph.rows().ready()) {
            // The device has no room yet for the rows. In a graph on no rows it makes some.
            HostInts[] steps = {buffers.inputs().step(), buffers.received().step(), buffers.outputs().step()};
            List<int[]> rows = Stream.of(steps).map(HostInts::copy).toList();
            noRows();
            executeReady(graph);
            for (int i = 0; i < steps.length; i++) {
                steps[i].setAll(0, rows.get(i));
            }
        }
        graph.rows().send();
        return executeReady(graph);
    }

    private TornadoExecutionResult executeReady(RankGraph graph) {
        graph.answers().expect();
        TornadoExecutionResult result;
        int run = compiles ? runs.merge(graph.index(), 1, Integer::sum) : Integer.MAX_VALUE;
        if (run <= FIRST_RUNS) {
            synchronized (COMPILING) {
                long start = System.nanoTime();
                result = plan.withGraph(graph.index()).execute();
                graph.captured().prepare();
                if (run == 1) {
                    firstRunNanos += System.nanoTime() - start;
                }
            }
        } else {
            // What brings arrays to the host is the plan's, for the graph that ran last.
            result = last != null && graph.captured().execute()
                    ? last
                    : plan.withGraph(graph.index()).execute();
        }
        graph.rows().fetch(result);
        graph.answers().check();
        last = result;
        return result;
    }

    /**
     * Runs a segment, on a device with a profiler.
     *
     * @return nanoseconds of each operation on the device, in the order of {@link SegmentCosts#of}
     * @throws ModelException if the runtime gives no such profile
     */
    public long[] runProfiled(String segment) {
        return graphs(segment).stream().flatMapToLong(this::executeProfiled).toArray();
    }

    private LongStream executeProfiled(RankGraph graph) {
        // TornadoVM's log has all executions of the graph so far.
        String log = execute(graph).getProfilerResult().getProfileLog();
        int before = profileLengths.getOrDefault(graph.index(), 0);
        profileLengths.put(graph.index(), log.length());
        return Arrays.stream(TaskProfile.operations(
                TaskProfile.nanos(log.substring(before), graph.tasks()), graph.continued()));
    }

    /** Brings the logits of the segment that ran last to the host, into {@link RankBuffers.Outputs#logits}. */
    public void fetchLogits() {
        Objects.requireNonNull(last, "no segment has run").transferToHost(arrays.logits);
    }

    /** Whether the KV cache that the kernels write is the one in {@link #kv()}, so that nothing has to be fetched. */
    public boolean kvInHostMemory() {
        return hostMemory;
    }

    /**
     * The rank's KV cache on the host. Kernels see what is written here until the first segment runs;
     * what they write themselves is here after {@link #fetchKv()}, or at once where {@link #kvInHostMemory}.
     */
    public HostKv kv() {
        return kv;
    }

    /** Brings the whole KV cache to the host. */
    public void fetchKv() {
        if (hostMemory) {
            return;
        }
        appending().forEach(graph -> {
            // A result gives access to the arrays of its own graph, so the graph runs, on no rows.
            noRows();
            TornadoExecutionResult result = execute(graph);
            for (int layer : graph.appends()) {
                result.transferToHost(arrays.caches.get(layer).keys().toArray());
                result.transferToHost(arrays.caches.get(layer).values().toArray());
            }
        });
    }

    private ImmutableTaskGraph appending(int layer) {
        return appending()
                .filter(graph -> graph.appends().contains(layer))
                .findFirst()
                .orElseThrow()
                .built();
    }

    private Stream<RankGraph> appending() {
        return graphs.values().stream().flatMap(List::stream).filter(graph -> !graph.appends().isEmpty());
    }

    /**
     * Runs all segments without rows: weights go to the device, and kernels are compiled, before the first step needs
     * them. For ranks without a KV cache, which would go to the device too early.
     *
     * @throws IllegalStateException if the rank has a KV cache
     */
    public void warmUp() {
        if (appending().findAny().isPresent()) {
            throw new IllegalStateException("a rank with a KV cache gets its weights at the first step");
        }
        graphs.keySet().forEach(segment -> {
            noRows();
            run(segment);
        });
    }

    private void noRows() {
        buffers.inputs().step().setAll(0, 0, 0, 0);
        buffers.received().step().setAll(0, 0, 0, 0);
        buffers.outputs().step().setAll(0, 0, 0, 0);
    }

    /** Frees the device's memory, and the rank's arrays on the host. */
    @Override
    public void close() {
        if (!compiles) {
            try {
                free();
            } finally {
                freeArrays();
            }
            return;
        }
        // TornadoVM frees the graph that is selected, which after a run is the last one. An array that graphs hand on
        // is freed with the first of them; freeing the next then fails, which does no harm.
        for (int graph = 0; graph < graphCount; graph++) {
            plan.withGraph(graph);
            try {
                free();
            } catch (VirtualMachineError e) {
                throw e;
            } catch (Error e) {
                System.getLogger(RankDevice.class.getName())
                        .log(System.Logger.Level.DEBUG, "graph " + graph + ": " + e.getMessage());
            }
        }
        caches.free();
        compilation.close();
    }

    /**
     * On the embedded runtime nobody else knows them. A driver may still hold on to the pages of arrays that it was
     * given, so those of its devices go when they are garbage.
     */
    private void freeArrays() {
        memory.ifPresent(ArrayMemory::close);
    }

    private void free() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("device memory could not be freed: " + e.getMessage(), e);
        }
    }
}
