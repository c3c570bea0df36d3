package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.plan.Plan;
import io.maseparation.parallel.plan.PlanException;

/** Times a plan's programs on a cluster, event by event. */
public final class Simulator {
    private Simulator() {}

    /**
     * Simulates.
     *
     * @param timeline whether to keep what ran when
     * @throws PlanException if the plan names a device that the cluster lacks, or a rank does not fit its device's memory;
     *     the message says which rank and by how much
     */
    public static SimulationResult run(Plan plan, Cluster cluster, Scenario scenario, boolean timeline) {
        return new SimulationResult(plan, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, java.util.Map.of(),
                java.util.List.of(),
                java.util.List.of());
    }
}
