package io.maseparation.moe.segments;

import static io.maseparation.kernels.AttentionShapes.BLOCK;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.CounterRandom;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Reference;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Keys and values of a context that was never computed, for measurements at a depth: uniform with mean 0 and variance
 * 1, each a function of seed, layer, sequence, head and position alone, so that every layout has the same.
 */
public final class SyntheticContext {
    private static final float SPREAD = (float) Math.sqrt(12);
    private static final int KEYS = 0;
    private static final int VALUES = 1;

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
        return new Reference.Past(depth, (layer, position) -> {
            double[][] both = new double[2][config.kvWidth()];
            for (int i = 0; i < config.kvWidth(); i++) {
                long stream = stream(seed, layer, sequence, i / dim);
                int at = position * dim + i % dim;
                both[KEYS][i] = rounded(value(CounterRandom.key(stream, KEYS), at), kvType);
                both[VALUES][i] = rounded(value(CounterRandom.key(stream, VALUES), at), kvType);
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
     */
    record Slot(long seed, int sequence, int firstBlock) {}

    /** Fills the first positions of a sequence in a rank's cache. */
    static void fill(RankArrays arrays, int headDim, Shard shard, Slot slot, int depth) {
        Shard.Heads heads = shard.attention().orElseThrow();
        int layers = shard.endLayer() - shard.firstLayer();
        IntStream.range(0, layers * heads.kvs()).parallel().forEach(i -> {
            int layer = i / heads.kvs();
            int head = i % heads.kvs();
            long stream = stream(slot.seed, shard.firstLayer() + layer, slot.sequence, heads.kvFrom() + head);
            for (int start = 0; start < depth; start += BLOCK) {
                int positions = Math.min(BLOCK, depth - start);
                int block = slot.firstBlock + start / BLOCK;
                int to = (block * heads.kvs() + head) * BLOCK * headDim;
                fill(arrays.keys.get(layer), arrays.kvType, CounterRandom.key(stream, KEYS), start * headDim, to,
                        positions * headDim);
                fill(arrays.values.get(layer), arrays.kvType, CounterRandom.key(stream, VALUES), start * headDim, to,
                        positions * headDim);
            }
        });
    }

    private static long stream(long seed, int layer, int sequence, int head) {
        return CounterRandom.key(CounterRandom.key(CounterRandom.key(seed, layer), sequence), head);
    }

    private static float value(long key, int at) {
        return SPREAD * ((CounterRandom.bits(key, at) >>> 40) * 0x1.0p-24f - 0.5f);
    }

    private static float rounded(float value, DataType type) {
        return type == DataType.F16 ? new HalfFloat(value).getFloat32() : value;
    }

    private static void fill(TornadoNativeArray array, DataType type, long key, int from, int to, int count) {
        for (int i = 0; i < count; i++) {
            if (type == DataType.F16) {
                ((HalfFloatArray) array).set(to + i, new HalfFloat(value(key, from + i)));
            } else {
                ((FloatArray) array).set(to + i, value(key, from + i));
            }
        }
    }
}
