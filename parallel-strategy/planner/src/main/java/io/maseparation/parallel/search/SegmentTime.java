package io.maseparation.parallel.search;

import io.maseparation.moe.segments.OperationCost;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.simulate.Scenario;
import java.util.List;

/** How long segments take, for bounds that need no simulation. */
public final class SegmentTime {
    private SegmentTime() {}

    /** Seconds of the tasks of a segment that has its device to itself, as the simulator has them. */
    public static double seconds(List<OperationCost> tasks, Scenario scenario, DeviceKind kind) {
        double seconds = 0;
        boolean any = false;
        boolean measured = !kind.measured().isEmpty();
        for (OperationCost task : tasks) {
            double bytes = task.cost().bytes(scenario.activationBytes());
            double flops = task.cost().flops();
            if (bytes > 0 || flops > 0 || measured) {
                seconds += kind.launchSeconds(task.operation(), scenario.launch())
                        + kind.workSeconds(task.operation(), bytes, flops, task.positions());
                any |= bytes > 0 || flops > 0;
            }
        }
        double start = measured || scenario.launch() == Launch.GRAPH ? kind.graphStartSeconds() : 0;
        return any ? seconds + start : 0;
    }
}
