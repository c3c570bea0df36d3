package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

@Tag("tornado")
class RandomCacheTest {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final int BLOCKS = 3;

    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    @ParameterizedTest
    @EnumSource
    void elementsAreAFunctionOfWhereTheyAre(Body body) {
        for (DataType type : RowOps.kvTypes()) {
            for (int headDim : new int[] {4, 20, 64}) {
                check(body, type, headDim);
            }
        }
    }

    private void check(Body body, DataType type, int headDim) {
        int heads = 2;
        KvCache cache = KvCache.zeros(type, BLOCKS, heads, headDim);
        KvCache.Part part = cache.part(0);
        TornadoNativeArray keys = part.keys();
        for (int i = 0; i < keys.getSize(); i++) {
            set(keys, i, -1);
        }
        TornadoNativeArray values = RandomCache.values(type);
        for (int i = 0; i < RandomCache.VALUES; i++) {
            // What fp16 holds too.
            set(values, i, i % 2048 + 1);
        }
        long layer = random.nextLong();
        IntArray stream = TestArrays.ints((int) layer, (int) (layer >>> 32), 5, 1);
        // The second block of sequence 7, an empty one, and the first of sequence 0, with 11 positions.
        IntArray blocks = TestArrays.ints(7, 64, 64, 3, 0, 0, 0, 0, 11);
        RowOps.run(
                body,
                g -> RandomCache.add(g, "made", new RandomCache.Context(stream, blocks, values), part, keys),
                stream, blocks, values, keys);
        for (int block = 0; block < BLOCKS; block++) {
            for (int head = 0; head < heads; head++) {
                long key = key(key(key(layer, blocks.get(3 * block)), 5 + head), 1);
                for (int p = 0; p < KvCache.BLOCK; p++) {
                    for (int d = 0; d < headDim; d++) {
                        long element = (long) (blocks.get(3 * block + 1) + p) * headDim + d;
                        int choice = (int) (bits(key, element / 4) >>> (16 * (element % 4))) & 0xFFFF;
                        float expected = p < blocks.get(3 * block + 2) ? choice % 2048 + 1 : 0;
                        assertThat(get(keys, Math.toIntExact(part.element(block, head, p) + d)))
                                .as("seed %d, %s %s, %d columns, block %d, head %d, position %d, column %d",
                                        seed, body, type, headDim, block, head, p, d)
                                .isEqualTo(expected);
                    }
                }
            }
        }
    }

    /** The JDK has the same finaliser. */
    private static long bits(long key, long counter) {
        return new SplittableRandom(key + counter * GOLDEN).nextLong();
    }

    private static long key(long key, long part) {
        return bits(bits(key, part), ~part);
    }

    private static void set(TornadoNativeArray array, int i, float value) {
        switch (array) {
            case FloatArray floats -> floats.set(i, value);
            case HalfFloatArray halves -> halves.getSegment().setAtIndex(
                    ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
            default -> throw new AssertionError(array);
        }
    }

    private static float get(TornadoNativeArray array, int i) {
        return switch (array) {
            case FloatArray floats -> floats.get(i);
            case HalfFloatArray halves -> halves.get(i).getFloat32();
            default -> throw new AssertionError(array);
        };
    }
}
