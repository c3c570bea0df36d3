package io.maseparation.moe.segments;

import static io.maseparation.kernels.KvCache.BLOCK;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.moe.CounterRandom;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Reference;
import io.maseparation.moe.UniformValues;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Keys and values of a context that was never computed, for measurements at a depth: uniform with mean 0 and variance
 * 1, each a function of seed, layer, sequence, head and position alone, so that every layout has the same.
 */
public final class SyntheticContext {
    /** Kinds of numbers of a head. */
    static final int KEYS = 0;

    static final int VALUES = 1;

    private SyntheticContext() {}

    /**
     * {@return the context as the float64 reference takes it}
     *
     * @param config the model
     * @param kvType format of the KV cache
     * @param seed seed of the run
     * @param sequence the sequence, in the order of prompts
     * @param depth number of positions
     */
    public static Reference.Past past(ModelConfig config, DataType kvType, long seed, int sequence, int depth) {
        int dim = config.headDim();
        UniformValues values = UniformValues.of(kvType, 1);
        return new Reference.Past(depth, (layer, position) -> {
            double[][] both = new double[2][config.kvWidth()];
            for (int i = 0; i < config.kvWidth(); i++) {
                long stream = stream(seed, layer, sequence, i / dim);
                int at = position * dim + i % dim;
                both[KEYS][i] = values.get(CounterRandom.key(stream, KEYS), at);
                both[VALUES][i] = values.get(CounterRandom.key(stream, VALUES), at);
            }
            return both;
        });
    }

    /**
     * A sequence in a cache.
     *
     * @param seed of the values
     * @param sequence number of the sequence
     * @param firstBlock the first of its blocks, which follow each other
     * @param depth number of its positions that are to be filled
     */
    record Slot(long seed, int sequence, int firstBlock, int depth) {}

    /** Fills the first positions of a sequence in a rank's cache. */
    static void fill(List<KvCache> caches, Shard shard, Slot slot) {
        int headDim = caches.getFirst().headDim();
        int depth = slot.depth;
        Shard.Heads heads = shard.attention().orElseThrow();
        int layers = shard.endLayer() - shard.firstLayer();
        UniformValues uniform = UniformValues.of(caches.getFirst().type(), 1);
        IntStream.range(0, layers * heads.kvs()).parallel().forEach(i -> {
            int layer = i / heads.kvs();
            int head = i % heads.kvs();
            long stream = stream(slot.seed, shard.firstLayer() + layer, slot.sequence, heads.kvFrom() + head);
            long keys = CounterRandom.key(stream, KEYS);
            long values = CounterRandom.key(stream, VALUES);
            KvCache.Part part = caches.get(layer).partOf(head);
            MemorySegment cachedKeys = part.keys().getSegment();
            MemorySegment cachedValues = part.values().getSegment();
            for (int start = 0; start < depth; start += BLOCK) {
                long from = (long) start * headDim;
                long to = (long) Math.min(depth, start + BLOCK) * headDim;
                long at = part.element(slot.firstBlock + start / BLOCK, head, start);
                uniform.fill(cachedKeys, at, keys, from, to);
                uniform.fill(cachedValues, at, values, from, to);
            }
        });
    }

    private static long stream(long seed, int layer, int sequence, int head) {
        return CounterRandom.key(CounterRandom.key(layerKey(seed, layer), sequence), head);
    }

    /** What the keys of all streams of a layer are made from. */
    static long layerKey(long seed, int layer) {
        return CounterRandom.key(seed, layer);
    }
}
