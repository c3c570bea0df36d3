package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
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
public record PlacedLayout(Setup setup, List<Integer> devices) {
    public PlacedLayout {
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
}
