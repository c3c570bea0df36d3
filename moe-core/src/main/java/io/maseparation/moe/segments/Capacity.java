package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import java.util.List;

/**
 * Sizes of a rank's buffers.
 *
 * @param rows most rows of the rank's own sequences in one step, all micro-batches together
 * @param receivedRows most rows that arrive for its experts in one micro-batch
 * @param outputRows most rows of one micro-batch that need logits
 * @param kvPositions positions of all the rank's sequences together
 * @param contexts positions of the sequences, each length of sequence once
 * @param kvType format of the KV cache: F32 or F16
 */
public record Capacity(
        int rows, int receivedRows, int outputRows, int kvPositions, List<Integer> contexts, DataType kvType) {
    /** Copies the list. */
    public Capacity {
        contexts = List.copyOf(contexts);
    }

    /** Bytes of the KV cache of a shard. */
    public long kvBytes(ModelConfig config, Shard shard) {
        if (shard.attention().isEmpty()) {
            return 0;
        }
        long width = (long) shard.attention().get().kvs() * config.headDim();
        return 2L * (shard.endLayer() - shard.firstLayer()) * kvPositions * width * kvType.bytes();
    }

    /** Whether buffers of these sizes are large enough for what needs buffers of the other sizes. */
    public boolean covers(Capacity other) {
        return rows >= other.rows
                && receivedRows >= other.receivedRows
                && outputRows >= other.outputRows
                && kvPositions >= other.kvPositions
                && contexts.containsAll(other.contexts)
                && kvType == other.kvType;
    }

    /** Bytes of activations and scratch. */
    public long activationBytes(ModelConfig config, Shard shard) {
        return RankArrays.bytes(config, shard, this);
    }
}
