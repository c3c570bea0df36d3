package io.maseparation.parallel.run;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.layout.RankPlan;

/** Puts a rank's share of a model on its device. */
@FunctionalInterface
public interface RankLoader {
    /**
     * {@return the buffers and graphs of a rank}
     *
     * @param rank the rank and what it is to hold
     * @param device the rank's device
     * @param weights the model's weights
     * @param capacity sizes of its buffers
     */
    RankDevice load(RankPlan rank, Device device, ModelWeights weights, Capacity capacity);

    /** {@return the real one} */
    static RankLoader real() {
        return (rank, device, weights, capacity) -> new RankDevice(device, weights, rank.shard(), capacity,
                rank.segments());
    }
}
