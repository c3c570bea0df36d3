package io.maseparation.moe.segments;

import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Shard.Heads;
import java.util.Objects;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * What all graphs of one rank are made from.
 *
 * @param weights the model
 * @param matrices those of its matrices that the rank holds
 * @param shard what of the model the rank holds
 * @param arrays the rank's buffers
 * @param cosSin the rotary embedding's cosines and sines
 * @param target the kind of device
 * @param grid takes the launch shapes of the tasks
 * @param movesRows whether what ranks exchange goes to the device and back in rows, beside the graphs
 */
record RankContext(
        ModelWeights weights,
        ShardWeights matrices,
        Shard shard,
        RankArrays arrays,
        FloatArray cosSin,
        KernelTarget target,
        GridScheduler grid,
        boolean movesRows) {

    ModelConfig config() {
        return weights.config();
    }

    Heads heads() {
        return shard.attention().orElseThrow();
    }

    LayerWeights layer(int layer) {
        return weights.layers().get(layer);
    }

    RankArrays.Slots slots(int layer) {
        return Objects.requireNonNull(
                arrays.slots.get(config().layers().get(layer).routing().slots()),
                "there are arrays for every number of slots that a layer has");
    }

    /** Whether queries are in use across segments, since a norm over all heads waits for the sums of other ranks. */
    boolean handsOnQueries() {
        return config().qkNorm() == QkNorm.WHOLE && heads().parts() > 1;
    }
}
