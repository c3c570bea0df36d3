package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.moe.segments.StepShape.ExpertLoad;
import io.maseparation.parallel.layout.RankPlan;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.ObjDoubleConsumer;

/**
 * Times the experts of a rank that has no attention, whose rows and choices are given to it: for numbers of rows and of
 * experts that they visit, from all rows at the same few experts to rows spread over all of them.
 */
final class ExpertProbe implements TaskProbe {
    /** Most rows of a step; at least as many as an expert needs for its operations to take longer than its bytes. */
    private static final int MOST_ROWS = 128;

    /** Sizes of the buffers. */
    static final Capacity CAPACITY = new Capacity(0, MOST_ROWS, 0, 0, List.of(), DataType.F32);

    private final ModelConfig config;
    private final List<Segment> segments;
    private final RankDevice device;
    private final SegmentCosts costs;
    private final Map<Visits, SegmentTimes> measured = new LinkedHashMap<>();

    /**
     * Rows and the experts they visit.
     *
     * @param rows rows
     * @param visited experts that they visit together, each as often as the others to one visit
     */
    private record Visits(int rows, int visited) {}

    /**
     * Puts the experts on the device.
     *
     * @param rank a rank whose segments are experts for rows that others send
     */
    ExpertProbe(Device target, ModelWeights weights, RankPlan rank) {
        config = weights.config();
        segments = rank.segments().stream()
                .filter(s -> s.experts().filter(e -> e.received() && topK(s) > 0).isPresent())
                .toList();
        device = new RankDevice(target, weights, rank.shard(), CAPACITY, segments, true);
        costs = new SegmentCosts(config, rank.shard(), Format.F32);
        int hidden = config.hidden();
        SplittableRandom random = new SplittableRandom(1);
        float[] row = new float[hidden];
        for (int n = 0; n < MOST_ROWS; n++) {
            for (int i = 0; i < hidden; i++) {
                row[i] = (float) random.nextDouble(-1, 1);
            }
            device.buffers().received().x().write(n * hidden, row, 0, hidden);
        }
    }

    private int topK(Segment segment) {
        return config.layers().get(segment.experts().orElseThrow().layer()).routing().topK();
    }

    private int experts(Segment segment) {
        return config.layers().get(segment.experts().orElseThrow().layer()).routing().experts();
    }

    @Override
    public void measure(BooleanSupplier ended) {
        if (segments.isEmpty()) {
            return;
        }
        int topK = segments.stream().mapToInt(this::topK).max().orElseThrow();
        int experts = segments.stream().mapToInt(this::experts).min().orElseThrow();
        for (int rows = 1; rows <= MOST_ROWS; rows *= 2) {
            for (int visited = topK; visited <= Math.min(experts, rows * topK); visited = next(visited, experts)) {
                if (ended.getAsBoolean() && !measured.isEmpty()) {
                    return;
                }
                Visits visits = new Visits(rows, visited);
                measured.computeIfAbsent(visits, v -> new SegmentTimes()).add(step(visits));
            }
        }
    }

    @Override
    public void forget() {
        measured.clear();
    }

    /** Twice as many, and all of them at last. */
    private static int next(int visited, int experts) {
        return visited < experts && 2 * visited > experts ? experts : 2 * visited;
    }

    private List<long[]> step(Visits visits) {
        RankBuffers.Received received = device.buffers().received();
        return segments.stream().map(segment -> {
            int topK = topK(segment);
            int slots = config.layers().get(segment.experts().orElseThrow().layer()).routing().slots();
            received.step().setAll(0, 0, visits.rows(), 0);
            for (int row = 0; row < visits.rows(); row++) {
                for (int slot = 0; slot < slots; slot++) {
                    received.ids().set(row * slots + slot,
                            slot < topK ? (row * topK + slot) % visits.visited() : -1);
                }
            }
            return device.runProfiled(segment.name());
        }).toList();
    }

    @Override
    public void forEachTask(ObjDoubleConsumer<OperationCost> receiver) {
        measured.forEach((visits, times) -> {
            List<double[]> seconds = times.taskSeconds();
            for (int s = 0; s < segments.size(); s++) {
                int pairs = visits.rows() * topK(segments.get(s));
                StepShape shape = new StepShape(
                        false, List.of(), 0, new ExpertLoad(visits.rows(), pairs, visits.visited(), 0));
                DeviceProbe.forEachTask(config, costs.of(segments.get(s), shape), seconds.get(s), receiver);
            }
        });
    }

    @Override
    public void close() {
        device.close();
    }
}
