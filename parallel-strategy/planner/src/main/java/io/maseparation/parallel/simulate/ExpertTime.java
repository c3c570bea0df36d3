package io.maseparation.parallel.simulate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.OperationCost.ExpertBank;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.moe.segments.StepShape.ExpertLoad;
import io.maseparation.parallel.cluster.DeviceKind;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Seconds of a segment of experts for any load. The bytes and operations of its tasks are linear in rows, pairs and
 * experts visited. The coefficients are found once, from a few loads, since a search asks for very many loads.
 */
public final class ExpertTime {
    private static final int ROWS = 1;
    private static final int PAIRS = 2;
    private static final int ACTIVE = 3;

    private final DeviceKind kind;
    private final List<OperationCost> tasks;
    /** For each task: a fixed part, and what each row, pair and expert adds. */
    private final double[][] bytes;

    private final double[][] flops;
    private final double[] leastFactors;
    private final double fixedSeconds;
    private final Conditions conditions;
    /** By pairs and visited experts: for each task the factor of its shape. */
    private final Map<Visits, double[]> factors = new ConcurrentHashMap<>();

    /**
     * Finds the coefficients of a segment.
     *
     * @param config model
     * @param shard the rank's part of the model
     * @param segment the segment with the experts of one layer
     * @param conditions formats and launches
     * @param kind kind of device that computes
     */
    public ExpertTime(ModelConfig config, Shard shard, Segment segment, Conditions conditions, DeviceKind kind) {
        this.kind = kind;
        this.conditions = conditions;
        SegmentCosts costs = new SegmentCosts(config, shard, conditions.kvFormat());
        tasks = costs.of(segment, shape(1, 1, 1));
        List<List<OperationCost>> more = List.of(
                tasks,
                costs.of(segment, shape(2, 1, 1)),
                costs.of(segment, shape(1, 2, 1)),
                costs.of(segment, shape(1, 1, 2)));
        bytes = new double[tasks.size()][more.size()];
        flops = new double[tasks.size()][more.size()];
        leastFactors = tasks.stream().mapToDouble(kind::leastFactor).toArray();
        double fixed = 0;
        for (int task = 0; task < tasks.size(); task++) {
            for (int of = 0; of < more.size(); of++) {
                bytes[task][of] = more.get(of).get(task).cost().bytes(conditions.activationBytes());
                flops[task][of] = kind.peakFlops(more.get(of).get(task));
            }
            if (kind.starts(bytes[task][0], flops[task][0])) {
                Operation operation = tasks.get(task).operation();
                fixed += kind.launchSeconds(operation, conditions.launch(), leastFactors[task]);
            }
            toParts(bytes[task]);
            toParts(flops[task]);
        }
        fixedSeconds = fixed + kind.startSeconds(conditions.launch());
    }

    private static StepShape shape(int rows, int pairs, int active) {
        return new StepShape(false, List.of(), 0, new ExpertLoad(rows, pairs, active, 0));
    }

    /** Turns values at (1, 1, 1) and with one argument doubled into a constant and slopes. */
    private static void toParts(double[] values) {
        for (int i = ROWS; i < values.length; i++) {
            values[i] -= values[0];
        }
        values[0] -= values[ROWS] + values[PAIRS] + values[ACTIVE];
    }

    /**
     * {@return least seconds for rows of a micro-batch}
     *
     * @param counts rows of each expert of the layer
     * @param held experts of the segment
     */
    public double seconds(int[] counts, int[] held) {
        ExpertLoad least = leastLoad(counts, held, 0);
        if (least.pairs() == 0) {
            return 0;
        }
        double[] of = factors.computeIfAbsent(new Visits(least.pairs(), least.active()), this::factors);
        double seconds = kind.startSeconds(conditions.launch());
        for (int task = 0; task < of.length; task++) {
            double moved = of(bytes[task], least.rows(), least.pairs(), least.active());
            double computed = of(flops[task], least.rows(), least.pairs(), least.active());
            if (kind.starts(moved, computed)) {
                Operation operation = tasks.get(task).operation();
                seconds += kind.launchSeconds(operation, conditions.launch(), of[task])
                        + of[task] * kind.workSeconds(operation, moved, computed, 0);
            }
        }
        return seconds;
    }

    /** What factors of experts go by. */
    private record Visits(int pairs, int active) {}

    private double[] factors(Visits visits) {
        return tasks.stream()
                .mapToDouble(task -> kind.factor(task, task.shape() instanceof ExpertBank bank
                        ? new ExpertBank(visits.pairs(), bank.held(), visits.active(), bank.perRow(), bank.width(),
                                bank.hidden())
                        : task.shape()))
                .toArray();
    }

    /**
     * {@return the least load of some experts} Rows that visit several of them are counted once, since which rows
     * those are is not known.
     *
     * @param counts rows of each expert of the layer
     * @param held the experts
     * @param extraRows rows that visit the shared expert
     */
    public static ExpertLoad leastLoad(int[] counts, int[] held, int extraRows) {
        int pairs = 0;
        int active = 0;
        int rows = extraRows;
        for (int expert : held) {
            pairs += counts[expert];
            active += counts[expert] > 0 ? 1 : 0;
            rows = Math.max(rows, counts[expert]);
        }
        return new ExpertLoad(rows, pairs, active, extraRows);
    }

    /** {@return the part of the time that does not grow with the work, in seconds: starting the tasks} */
    public double fixedSeconds() {
        return fixedSeconds;
    }

    /**
     * {@return the part of the time that grows with the work, in seconds} It is convex in the arguments, so the time of
     * the mean load is at most the mean of the ranks' times.
     *
     * @param rows rows that reach the rank
     * @param pairs pairs of a row and an expert that it visits there
     * @param active experts there that at least one row visits
     */
    public double workSeconds(double rows, double pairs, double active) {
        double seconds = 0;
        for (int task = 0; task < bytes.length; task++) {
            seconds += leastFactors[task] * kind.workSeconds(
                    tasks.get(task).operation(), of(bytes[task], rows, pairs, active),
                    of(flops[task], rows, pairs, active), 0);
        }
        return seconds;
    }

    private static double of(double[] parts, double rows, double pairs, double active) {
        return parts[0] + rows * parts[ROWS] + pairs * parts[PAIRS] + active * parts[ACTIVE];
    }
}
