package io.maseparation.parallel.calibrate;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.PartialInput;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.HostInts;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.calibrate.RateFit.Sample;
import io.maseparation.parallel.layout.RankPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.ObjDoubleConsumer;
import java.util.stream.IntStream;

/**
 * Times the tasks of decode steps of one rank, for several numbers of rows and two contexts. The steps go through all
 * layers, so that weights come from memory as in a run.
 *
 * <p>TornadoVM's profiler gives the times of tasks on the device and slows down everything around them. What starting
 * them costs is therefore measured without it, as the time of a segment less that of its tasks (see {@link HostFit}).
 */
final class DeviceProbe implements TaskProbe {
    private static final List<Integer> ROWS = List.of(
            1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256);
    private static final int LEAST_ROWS = 8;
    private static final int SHORT_CONTEXT = 32;
    private static final int LEAST_CONTEXT = 256;
    private static final int REPETITIONS = 3;
    private static final int WARM_UP_STEPS = 80;

    private final ModelConfig config;
    /** The rank's segments, cut into layers: the fit of what starting a graph costs needs some of different lengths. */
    private final List<Segment> segments;
    private final RankDevice device;
    private final SegmentCosts costs;
    private final boolean profiled;
    private final boolean movesRows;
    private final Capacity capacity;
    private final boolean readsChoices;
    private final List<Integer> rows;
    private final int positions;
    private final int blocks;
    private final List<Integer> contexts;
    private final int repetitions;
    /** Experts of the last step, by layer. */
    private final int[][] chosen;

    private final Map<Batch, Measured> measured = new LinkedHashMap<>();

    /**
     * Sizes of steps.
     *
     * @param kvType format of the cache
     * @param mostRows most rows
     * @param contexts positions of a row, ascending
     * @param repetitions how often each step is run at a time
     */
    record Sizes(DataType kvType, int mostRows, List<Integer> contexts, int repetitions) {
        /** Up to {@code batch} rows, or more, with up to {@code context} positions each, or more. */
        static Sizes usual(ModelConfig config, DataType kvType, int batch, int context) {
            int positions = longest(config, context);
            return new Sizes(
                    kvType, Math.max(LEAST_ROWS, batch), List.of(Math.min(SHORT_CONTEXT, positions), positions),
                    REPETITIONS);
        }

        /** More rows and contexts, each step once. */
        static Sizes wide(ModelConfig config, DataType kvType, int mostRows, int context) {
            int positions = longest(config, context);
            List<Integer> contexts = new ArrayList<>();
            for (int n = SHORT_CONTEXT; n < positions; n *= 4) {
                contexts.add(n);
            }
            contexts.add(positions);
            return new Sizes(kvType, mostRows, contexts, 1);
        }

        /** Sizes of the buffers of a probe of these steps. */
        Capacity capacity() {
            int positions = contexts.getLast();
            long all = (long) mostRows * KvCache.blocks(positions) * KvCache.BLOCK;
            if (all > Integer.MAX_VALUE) {
                throw new ModelException(
                        "a KV cache of %,d positions is more than arrays can have: lower 'batch' or 'depth'"
                                .formatted(all));
            }
            return new Capacity(mostRows, 0, mostRows, (int) all, List.of(positions), kvType);
        }

        private static int longest(ModelConfig config, int context) {
            return Math.min(Math.max(LEAST_CONTEXT, context), config.maxPositions());
        }
    }

    /** The size of a step. */
    record Batch(int rows, int context) {}

    /** Times of the steps of a batch, and what the experts of each segment had to do in the last of them. */
    private record Measured(SegmentTimes times, List<StepShape.ExpertLoad> loads) {}

    /**
     * @param rank the rank that runs, without the others
     * @param sizes sizes of steps
     * @param profiled whether tasks are timed one by one; otherwise segments are timed as a whole
     */
    DeviceProbe(Device target, ModelWeights weights, RankPlan rank, Sizes sizes, boolean profiled) {
        config = weights.config();
        chosen = new int[config.layers().size()][0];
        segments = rank.segments().stream().flatMap(segment -> segment.layers().stream()).toList();
        this.profiled = profiled;
        readsChoices = target.target().embedded();
        int most = sizes.mostRows();
        rows = ROWS.stream().filter(n -> n <= most).toList();
        contexts = sizes.contexts();
        repetitions = sizes.repetitions();
        positions = contexts.getLast();
        blocks = KvCache.blocks(positions);
        movesRows = PartialInput.possible(target.device());
        capacity = sizes.capacity();
        device = new RankDevice(target, weights, rank.shard(), capacity, segments, profiled);
        costs = new SegmentCosts(config, rank.shard(), Format.of(sizes.kvType()));
    }

    /** Runs steps until the JVM has compiled the kernels. */
    void warmUp() {
        for (int i = 0; i < WARM_UP_STEPS; i++) {
            shortStep(rows.get(i % rows.size()), () -> {});
        }
    }

    /** Times every task once more for every number of rows and both contexts; the mean of all times counts. */
    void measure() {
        measure(() -> false);
    }

    @Override
    public void measure(BooleanSupplier ended) {
        for (int n : rows) {
            for (int context : contexts) {
                if (ended.getAsBoolean() && !measured.isEmpty()) {
                    return;
                }
                Batch batch = new Batch(n, context);
                SegmentTimes times = measured.containsKey(batch) ? measured(batch).times() : new SegmentTimes();
                for (int i = 0; i < repetitions; i++) {
                    times.add(step(n, context, () -> {}));
                }
                measured.put(
                        batch,
                        new Measured(times, segments.stream().map(s -> load(s, n)).toList()));
            }
        }
    }

    @Override
    public void forget() {
        measured.clear();
    }

    /** Median seconds of each segment as a whole, by batch. */
    Map<Batch, double[]> segmentSeconds() {
        Map<Batch, double[]> seconds = new LinkedHashMap<>();
        measured.forEach((batch, m) -> seconds.put(batch, m.times().medianSegmentSeconds()));
        return seconds;
    }

    /**
     * What segments take besides their tasks and transfers.
     *
     * @param whole by batch, seconds of each segment as a whole, of the same rank without a profiler
     * @param secondsPerByte of transfers between host and device
     */
    List<HostFit.Sample> hostSamples(Map<Batch, double[]> whole, double secondsPerByte) {
        List<HostFit.Sample> samples = new ArrayList<>();
        whole.forEach((batch, seconds) -> {
            double[] tasks = measured(batch).times().medianSegmentSeconds();
            for (int s = 0; s < seconds.length; s++) {
                String segment = segments.get(s).name();
                double way = transferBytes(segments.get(s), batch) * secondsPerByte;
                samples.add(new HostFit.Sample(device.tasks(segment), seconds[s] - tasks[s] - way, seconds[s]));
            }
        });
        return samples;
    }

    /** Bytes that a segment takes to the device and back in a run, where nobody times its tasks. */
    private long transferBytes(Segment segment, Batch batch) {
        return costs.transferBytes(segment, capacity, movesRows ? batch.rows() : capacity.rows(), 0);
    }

    /** Where the time of the largest step goes; parameters as of {@link #hostSamples}. */
    Calibration.StepSplit split(Map<Batch, double[]> whole, double secondsPerByte) {
        Batch largest = new Batch(rows.getLast(), positions);
        double tasks = Arrays.stream(measured(largest).times().medianSegmentSeconds()).sum();
        double bytes = IntStream.range(0, segments.size())
                .mapToObj(s -> costs(largest, s))
                .flatMap(List::stream)
                .mapToDouble(o -> o.cost().bytes())
                .sum();
        long transferBytes = segments.stream()
                .mapToLong(s -> transferBytes(s, largest))
                .sum();
        return new Calibration.StepSplit(
                largest.rows(),
                largest.context(),
                segments.stream().mapToInt(s -> device.tasks(s.name())).sum(),
                bytes,
                transferBytes,
                Arrays.stream(whole.get(largest)).sum() * 1e3,
                tasks * 1e3,
                transferBytes * secondsPerByte * 1e3);
    }

    private Batch smallest() {
        return new Batch(rows.getFirst(), Math.min(SHORT_CONTEXT, positions));
    }

    /** Runs the smallest step that is measured. */
    List<long[]> smallestStep() {
        return shortStep(smallest().rows(), () -> {});
    }

    /** Seconds of the smallest step: the sum of its segments' medians. */
    double smallestSeconds() {
        return Arrays.stream(measured(smallest()).times().medianSegmentSeconds()).sum();
    }

    /** Adds the samples of every operation. */
    void addSamples(Map<Operation, List<Sample>> samples) {
        forEachTask((task, seconds) -> samples.computeIfAbsent(task.operation(), o -> new ArrayList<>())
                .add(new Sample(
                        task.cost().bytes(),
                        task.cost().flops(),
                        readsChoices ? 0 : task.positions(),
                        Math.max(seconds, 1e-8))));
    }

    @Override
    public void forEachTask(ObjDoubleConsumer<OperationCost> receiver) {
        measured.forEach((batch, m) -> {
            List<double[]> seconds = m.times().taskSeconds();
            for (int s = 0; s < segments.size(); s++) {
                forEachTask(config, costs(batch, s), seconds.get(s), receiver);
            }
        });
    }

    /** Gives the tasks of a segment to a receiver. */
    static void forEachTask(
            ModelConfig config, List<OperationCost> tasks, double[] seconds,
            ObjDoubleConsumer<OperationCost> receiver) {
        if (tasks.size() != seconds.length) {
            throw new ModelException(
                    "the tasks of %s are not those of the cost model (its experts may not be stored side by side): calibrate with a preset"
                            .formatted(config.name()));
        }
        for (int t = 0; t < seconds.length; t++) {
            receiver.accept(tasks.get(t), seconds[t]);
        }
    }

    /** What a segment of a step costs, by its tasks. */
    private List<OperationCost> costs(Batch batch, int segment) {
        return costs.of(
                segments.get(segment),
                StepShape.decode(batch.rows(), batch.context())
                        .withExperts(measured(batch).loads().get(segment)));
    }

    private Measured measured(Batch batch) {
        return Objects.requireNonNull(measured.get(batch), "all batches are measured before anything is asked");
    }

    /** Pairs and visited experts of a segment's experts, as the router chose them in the last step. */
    private StepShape.ExpertLoad load(Segment segment, int n) {
        return segment.experts().map(experts -> {
            ModelConfig.Layer layer = config.layers().get(experts.layer());
            int pairs = n * layer.routing().topK();
            return new StepShape.ExpertLoad(
                    n, pairs, visited(layer, experts.layer(), n), layer.extraWidth() > 0 ? n : 0);
        }).orElse(StepShape.ExpertLoad.NONE);
    }

    private int visited(ModelConfig.Layer layer, int index, int n) {
        int experts = layer.routing().experts();
        if (!readsChoices || chosen[index].length == 0) {
            // The expectation for random weights, with which every row chooses independently of the others.
            double missed = Math.pow(1 - (double) layer.routing().topK() / Math.max(1, experts), n);
            return (int) Math.round(experts * (1 - missed));
        }
        return (int) Arrays.stream(chosen[index]).filter(e -> e >= 0 && e < experts).distinct().count();
    }

    /**
     * One decode step with a short context; nanoseconds of each segment's tasks, or of the segment as a whole.
     *
     * @param before called before each segment
     */
    List<long[]> shortStep(int n, Runnable before) {
        return step(n, Math.min(SHORT_CONTEXT, positions), before);
    }

    private List<long[]> step(int n, int context, Runnable before) {
        RankBuffers buffers = device.buffers();
        buffers.inputs().step().setAll(0, 0, n, 0);
        buffers.outputs().step().setAll(0, 0, n, 0);
        int firstAngles = buffers.inputs().rope().firstRow(positions);
        for (int row = 0; row < n; row++) {
            buffers.inputs().tokens().set(row, (row * 7919 + context) % config.vocab());
            buffers.inputs().place(row, context - 1, row * blocks, firstAngles);
            buffers.outputs().rows().set(row, row);
        }
        List<long[]> nanos = new ArrayList<>();
        for (Segment segment : segments) {
            before.run();
            nanos.add(profiled ? device.runProfiled(segment.name()) : new long[] {whole(segment)});
            remember(segment, n);
        }
        return nanos;
    }

    private long whole(Segment segment) {
        long start = System.nanoTime();
        device.run(segment.name());
        return System.nanoTime() - start;
    }

    private void remember(Segment segment, int n) {
        for (Part part : segment.parts()) {
            if (readsChoices && part instanceof Part.Route route) {
                int slots = config.layers().get(route.layer()).routing().slots();
                HostInts choices = Objects.requireNonNull(
                        device.buffers().choices().get(route.layer()), "the layer is one of the rank's");
                chosen[route.layer()] = IntStream.range(0, n * slots).map(choices::get).toArray();
            }
        }
    }

    @Override
    public void close() {
        device.close();
    }
}
