package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.moe.AttentionSize;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import java.util.List;

/**
 * Sizes of a rank's buffers.
 *
 * @param rows most rows of the rank's own sequences in one step, all micro-batches together
 * @param receivedRows most rows that arrive for its experts in one micro-batch
 * @param outputRows most rows of one micro-batch that need logits
 * @param kvPositions positions of the cache, whole blocks of {@link KvCache#BLOCK}
 * @param contexts positions of the sequences, each length of sequence once
 * @param kvFormat format of the KV cache: F32 or F16, or another one for planning
 */
public record Capacity(
        int rows, int receivedRows, int outputRows, int kvPositions, List<Integer> contexts, Format kvFormat) {
    /** Copies the list. */
    public Capacity {
        contexts = List.copyOf(contexts);
    }

    /** Sizes with a KV cache that kernels compute with. */
    public Capacity(int rows, int receivedRows, int outputRows, int kvPositions, List<Integer> contexts,
            DataType kvType) {
        this(rows, receivedRows, outputRows, kvPositions, contexts, Format.of(kvType));
    }

    /** Format of a KV cache that kernels compute with. */
    public DataType kvType() {
        return kvFormat.type().orElseThrow(() -> new IllegalStateException("no kernel has a cache of " + kvFormat));
    }

    /**
     * Bytes of the KV cache of a shard. Engines here keep all positions of layers with a sliding window, too; those
     * that run the families that can only be planned keep the window.
     */
    public long kvBytes(ModelConfig config, Shard shard) {
        if (shard.attention().isEmpty()) {
            return 0;
        }
        long position = kvFormat.bytes(AttentionSize.cachedElements(config, shard.attention().get().kvs()));
        int longest = contexts.stream().mapToInt(c -> c).max().orElse(1);
        long bytes = 0;
        for (ModelConfig.Layer layer : config.layers().subList(shard.firstLayer(), shard.endLayer())) {
            bytes += position * kept(config, layer, kvPositions, longest);
        }
        return bytes;
    }

    /** Positions of sequences of up to {@code context} positions, {@code all} together, that a layer keeps. */
    public static long kept(ModelConfig config, ModelConfig.Layer layer, long all, int context) {
        int window = layer.slidingWindow();
        return config.planningOnly() && window > 0 && window < context
                ? Math.ceilDiv(all * window, (long) context)
                : all;
    }

    /** Whether buffers of these sizes are large enough for what needs buffers of the other sizes. */
    public boolean covers(Capacity other) {
        return rows >= other.rows
                && receivedRows >= other.receivedRows
                && outputRows >= other.outputRows
                && kvPositions >= other.kvPositions
                && contexts.containsAll(other.contexts)
                && kvFormat.equals(other.kvFormat);
    }

    /**
     * Bytes of the process's memory outside the heap that a rank takes, beside weights: KV cache, activations and
     * scratch, each array in pages of its own. Rather too many than too few.
     */
    public long hostBytes(ModelConfig config, Shard shard) {
        return RankArrays.hostBytes(config, shard, this);
    }

    /** Bytes of activations and scratch. */
    public long activationBytes(ModelConfig config, Shard shard) {
        return RankArrays.bytes(config, shard, this);
    }
}
