package io.maseparation.parallel.calibrate;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.RankBuffers;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.SegmentProbe;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.calibrate.RateFit.Sample;
import io.maseparation.parallel.plan.RankPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Times the tasks of decode steps of one rank, one by one, for several numbers of rows and contexts. The
 * steps walk over all layers, so that weights come from memory as in a run.
 */
final class DeviceProbe implements AutoCloseable {
    static final List<Integer> ROWS = List.of(1, 2, 3, 4, 6, 8);
    private static final int MOST_ROWS = 8;
    private static final int REPETITIONS = 3;
    private static final int WARM_UP_STEPS = 80;

    private final ModelConfig config;
    private final RankPlan rank;
    private final SegmentProbe probe;
    private final SegmentCosts costs;
    private final int positions;
    /** Experts of the last step, by layer. */
    private final int[][] chosen;

    private final Map<Batch, Timed> times = new LinkedHashMap<>();
    private final List<Double> nothing = new ArrayList<>();

    /** @param rank whose part of the model; its operations are timed without the others' */
    DeviceProbe(Device device, ModelWeights weights, RankPlan rank) {
        config = weights.config();
        chosen = new int[config.layers().size()][];
        this.rank = rank;
        positions = Math.min(256, config.maxPositions());
        probe = new SegmentProbe(
                device,
                weights,
                rank.shard(),
                new Capacity(MOST_ROWS, MOST_ROWS, MOST_ROWS, MOST_ROWS * positions, positions, DataType.F32),
                rank.segments());
        costs = new SegmentCosts(config, rank.shard(), DataType.F32);
    }

    /** Steps that let the JVM compile the kernels. */
    void warmUp() {
        for (int i = 0; i < WARM_UP_STEPS; i++) {
            step(ROWS.get(i % ROWS.size()), Math.min(32, positions));
        }
    }

    /** Times every task for every number of rows and both contexts, once more; the mean of all times counts. */
    void measure() {
        nothing.add(nothingSeconds());
        for (int context : contexts()) {
            for (int rows : ROWS) {
                Timed timed = times.computeIfAbsent(new Batch(rows, context), b -> new Timed());
                for (int i = 0; i < REPETITIONS; i++) {
                    timed.add(step(rows, context));
                }
                timed.loads = rank.segments().stream().map(s -> load(s, rows)).toList();
            }
        }
    }

    private List<Integer> contexts() {
        return List.of(Math.min(32, positions), positions);
    }

    /** Samples of every operation. */
    Map<Operation, List<Sample>> samples() {
        Map<Operation, List<Sample>> samples = new EnumMap<>(Operation.class);
        double without = nothing.stream().mapToDouble(d -> d).average().orElse(0);
        times.forEach((batch, timed) -> {
            for (int s = 0; s < rank.segments().size(); s++) {
                StepShape shape = StepShape.decode(batch.rows(), batch.context())
                        .withExperts(timed.loads.get(s));
                List<OperationCost> tasks = costs.of(rank.segments().get(s), shape);
                double[] sums = timed.nanos.get(s);
                if (tasks.size() != sums.length) {
                    throw new ModelException(
                            "the experts of %s are not stored side by side, so that their tasks are not those of the cost model: calibrate with a preset"
                                    .formatted(config.name()));
                }
                for (int t = 0; t < sums.length; t++) {
                    OperationCost task = tasks.get(t);
                    samples.computeIfAbsent(task.operation(), o -> new ArrayList<>())
                            .add(new Sample(
                                    task.cost().bytes(),
                                    task.cost().flops(),
                                    Math.max(sums[t] / timed.steps / 1e9 - without, 1e-8)));
                }
            }
        });
        return samples;
    }

    /** What a step is made of. */
    private record Batch(int rows, int context) {}

    /** Steps of one batch: nanoseconds of each segment's tasks, added up. */
    private static final class Timed {
        final List<double[]> nanos = new ArrayList<>();
        List<StepShape.ExpertLoad> loads = List.of();
        int steps;

        void add(List<long[]> step) {
            for (int s = 0; s < step.size(); s++) {
                if (steps == 0) {
                    nanos.add(new double[step.get(s).length]);
                }
                for (int t = 0; t < step.get(s).length; t++) {
                    nanos.get(s)[t] += step.get(s)[t];
                }
            }
            steps++;
        }
    }

    /** Pairs and visited experts of a segment's experts, as the router chose them in the last step. */
    private StepShape.ExpertLoad load(Segment segment, int rows) {
        for (Part part : segment.parts()) {
            if (part instanceof Part.Experts experts) {
                ModelConfig.Layer layer = config.layers().get(experts.layer());
                int slots = layer.routing().slots();
                BitSet visited = new BitSet();
                int pairs = rows * layer.routing().topK();
                for (int i = 0; i < rows * slots; i++) {
                    int expert = chosen[experts.layer()][i];
                    if (expert >= 0 && expert < layer.routing().experts()) {
                        visited.set(expert);
                    }
                }
                return new StepShape.ExpertLoad(
                        rows, pairs, visited.cardinality(), layer.extraWidth() > 0 ? rows : 0);
            }
        }
        return StepShape.ExpertLoad.NONE;
    }

    /** One decode step; nanoseconds of each segment's tasks. */
    List<long[]> step(int rows, int context) {
        return step(rows, context, () -> {});
    }

    /** @param before called before each segment */
    List<long[]> step(int rows, int context, Runnable before) {
        RankBuffers buffers = probe.buffers();
        buffers.step().setAll(0, 0, rows, 0);
        buffers.outputStep().setAll(0, 0, rows, 0);
        for (int row = 0; row < rows; row++) {
            buffers.tokens().set(row, (row * 7919 + context) % config.vocab());
            buffers.rowInfo().setAll(3 * row, context - 1, row * positions, positions);
            buffers.outputRows().set(row, row);
        }
        List<long[]> nanos = new ArrayList<>();
        for (Segment segment : rank.segments()) {
            before.run();
            nanos.add(probe.run(segment.name()));
            remember(segment, rows);
        }
        return nanos;
    }

    private void remember(Segment segment, int rows) {
        for (Part part : segment.parts()) {
            if (part instanceof Part.Route(int layer, boolean export)) {
                int slots = config.layers().get(layer).routing().slots();
                int[] ids = new int[rows * slots];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = probe.buffers().slots().get(slots).ids().get(i);
                }
                chosen[layer] = ids;
            }
        }
    }

    /** Time of a graph without tasks. */
    double nothingSeconds() {
        long[] nanos = new long[501];
        for (int i = 0; i < nanos.length; i++) {
            nanos[i] = probe.runNothing();
        }
        Arrays.sort(nanos);
        return nanos[nanos.length / 2] / 1e9;
    }

    @Override
    public void close() {
        probe.close();
    }
}
