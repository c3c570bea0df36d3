package io.maseparation.parallel.simulate;

import io.maseparation.moe.segments.OperationCost;
import io.maseparation.parallel.cluster.DeviceKind;
import java.util.List;

/** How long segments take, for bounds that need no simulation. */
public final class SegmentTime {
    private SegmentTime() {}

    /**
     * {@return seconds of tasks that have their device to themselves, computed as the simulator does, without the start
     * of their graph}
     *
     * @param tasks tasks of a segment
     * @param conditions formats and launches
     * @param kind kind of device
     */
    public static double taskSeconds(List<OperationCost> tasks, Conditions conditions, DeviceKind kind) {
        return seconds(tasks, conditions, kind, false);
    }

    /**
     * {@return the same of all tasks of a segment, with the start of its graph and with the least factors of measured
     * tables, so that more rows or positions never take less}
     *
     * @param tasks the segment's tasks
     * @param conditions formats and launches
     * @param kind kind of device
     */
    public static double leastSeconds(List<OperationCost> tasks, Conditions conditions, DeviceKind kind) {
        double seconds = seconds(tasks, conditions, kind, true);
        return seconds > 0 ? seconds + kind.startSeconds(conditions.launch()) : 0;
    }

    private static double seconds(
            List<OperationCost> tasks, Conditions conditions, DeviceKind kind, boolean least) {
        double seconds = 0;
        boolean any = false;
        for (OperationCost task : tasks) {
            double bytes = task.cost().bytes(conditions.activationBytes());
            double flops = kind.peakFlops(task);
            if (kind.starts(bytes, flops)) {
                double factor = least ? kind.leastFactor(task) : kind.factor(task, bytes, flops);
                seconds += kind.launchSeconds(task.operation(), conditions.launch(), factor)
                        + factor * kind.workSeconds(task.operation(), bytes, flops, task.positions());
                any |= bytes > 0 || flops > 0;
            }
        }
        return any ? seconds : 0;
    }
}
