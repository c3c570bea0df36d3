package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.util.List;

/**
 * A layout and the devices that it is on.
 *
 * @param setup layout and batching
 * @param devices index of each rank's device
 */
public record PlacedLayout(Setup setup, List<Integer> devices) {
    /** Copies the list. */
    public PlacedLayout {
        devices = List.copyOf(devices);
    }

    /**
     * Makes the plan of the layout.
     *
     * @param config model
     * @return the plan, on these devices
     * @throws io.maseparation.parallel.layout.PlanException if the model cannot be laid out this way
     */
    public Plan plan(ModelConfig config) {
        return Planning.plan(config, setup).withDevices(devices);
    }
}
