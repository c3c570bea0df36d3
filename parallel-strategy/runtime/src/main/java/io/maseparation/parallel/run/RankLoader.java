package io.maseparation.parallel.run;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.layout.RankPlan;

/** Puts a rank's share of a model on its device. */
@FunctionalInterface
public interface RankLoader {
    /** The buffers and graphs of a rank. */
    RankDevice load(RankPlan rank, Device device, ModelWeights weights, Capacity capacity);

    /** The real one. */
    static RankLoader real() {
        return (rank, device, weights, capacity) -> new RankDevice(device, weights, rank.shard(), capacity,
                rank.segments());
    }
}
