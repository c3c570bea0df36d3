package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.CounterRandom;
import io.maseparation.moe.ModelConfig;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Keys and values of a context that was never computed, for measurements at a depth: uniform with mean 0 and variance
 * 1, each a function of seed, layer, sequence, head and position alone, so that every layout has the same.
 */
record SyntheticCache(ModelConfig config, Shard shard, RankArrays arrays) {
    private static final float SPREAD = (float) Math.sqrt(12);
    private static final int KEYS = 0;
    private static final int VALUES = 1;

    /**
     * Fills the first positions of one sequence.
     *
     * @param base first cache position of the sequence
     * @param capacity positions reserved for it
     * @param depth positions to fill
     */
    void fill(long seed, int sequence, int base, int capacity, int depth) {
        Shard.Heads heads = shard.attention().orElseThrow();
        int layers = shard.endLayer() - shard.firstLayer();
        IntStream.range(0, layers * heads.kvs()).parallel().forEach(i -> {
            int layer = i / heads.kvs();
            int head = i % heads.kvs();
            long stream = CounterRandom.key(
                    CounterRandom.key(CounterRandom.key(seed, shard.firstLayer() + layer), sequence),
                    heads.kvFrom() + head);
            int from = Math.toIntExact(((long) base * heads.kvs() + (long) head * capacity) * config.headDim());
            int count = depth * config.headDim();
            fill(arrays.keys.get(layer), arrays.kvType, CounterRandom.key(stream, KEYS), from, count);
            fill(arrays.values.get(layer), arrays.kvType, CounterRandom.key(stream, VALUES), from, count);
        });
    }

    private static void fill(TornadoNativeArray array, DataType type, long key, int from, int count) {
        for (int i = 0; i < count; i++) {
            float value = SPREAD * ((CounterRandom.bits(key, i) >>> 40) * 0x1.0p-24f - 0.5f);
            if (type == DataType.F16) {
                ((HalfFloatArray) array).set(from + i, new HalfFloat(value));
            } else {
                ((FloatArray) array).set(from + i, value);
            }
        }
    }
}
