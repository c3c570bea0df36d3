package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.util.List;

/**
 * A layout on devices.
 *
 * @param setup layout and batching
 * @param devices index of each rank's device
 */
public record Candidate(Setup setup, List<Integer> devices) {
    public Candidate {
        devices = List.copyOf(devices);
    }

    /**
     * Its plan.
     *
     * @throws io.maseparation.parallel.layout.PlanException if the model cannot be laid out this way
     */
    public Plan plan(ModelConfig config) {
        return Planning.plan(config, setup).withDevices(devices);
    }

    /** Price of its devices for an hour; NaN where it is unknown. */
    public double pricePerHour(Cluster cluster) {
        return devices.stream()
                .distinct()
                .mapToDouble(d -> cluster.kindOf(d).pricePerHour())
                .sum();
    }
}
