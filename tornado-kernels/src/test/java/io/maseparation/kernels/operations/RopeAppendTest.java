package io.maseparation.kernels.operations;

import static io.maseparation.kernels.KvCache.BLOCK;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

@Tag("tornado")
class RopeAppendTest {
    private static final int ANGLES = 40;
    private static final int ROWS = 6;
    /** Two products and a sum of numbers up to 1. */
    private static final double TOLERANCE_F32 = 3e-7;
    /** Half a unit in the last place of a number below 2. */
    private static final double TOLERANCE_F16 = 0x1p-11 + 3e-7;

    static TornadoNativeArray cache(DataType type, int n) {
        if (type == DataType.F32) {
            return TestArrays.poisoned(n);
        }
        HalfFloatArray h = DeviceArrays.halves(n);
        for (int i = 0; i < n; i++) {
            h.set(i, new HalfFloat(Float.NaN));
        }
        return h;
    }

    /** A cache of NaN, in one array or, where heads can be divided, several. */
    static KvCache cache(DataType type, int blocks, int heads, int headDim, boolean cut) {
        int parts = cut && heads % 2 == 0 ? 2 : cut ? heads : 1;
        List<TornadoNativeArray> keys = new ArrayList<>();
        List<TornadoNativeArray> values = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            keys.add(cache(type, blocks * BLOCK * (heads / parts) * headDim));
            values.add(cache(type, blocks * BLOCK * (heads / parts) * headDim));
        }
        return new KvCache(type, heads, headDim, keys, values);
    }

    /** All arrays of a task. */
    static Object[] arrays(KvCache cache, Object... others) {
        return Stream.of(cache.keys().stream(), cache.values().stream(), Stream.of(others))
                .flatMap(array -> array)
                .toArray();
    }

    static float get(TornadoNativeArray cache, int i) {
        return cache instanceof FloatArray f ? f.get(i) : ((HalfFloatArray) cache).get(i).getFloat32();
    }

    @ParameterizedTest
    @EnumSource
    void rotatesAndAppends(Body body) {
        for (DataType type : RowOps.kvTypes()) {
            for (int[] shape : new int[][] {{1, 1, 2}, {4, 2, 8}, {3, 3, 26}, {8, 2, 64}, {4, 1, 128}}) {
                for (int pairs : new int[] {shape[2] / 2, 1 + shape[2] / 5}) {
                    check(body, type, shape[0], shape[1], shape[2], Math.min(pairs, shape[2] / 2));
                }
            }
        }
    }

    private static void check(Body body, DataType type, int heads, int kvHeads, int headDim, int pairs) {
        long seed = RowOps.seed();
        String what = "%s %s %d/%d heads of %d, %d pairs, seed %d"
                .formatted(body, type, heads, kvHeads, headDim, pairs, seed);
        Random random = RowOps.random(seed);
        int rowSize = (heads + 2 * kvHeads) * headDim;
        FloatArray before = TestArrays.random(random, ROWS * rowSize);
        FloatArray cosSin = TestArrays.random(random, ANGLES * 2 * pairs);
        boolean cut = random.nextBoolean();
        KvCache cache = cache(type, 6, kvHeads, headDim, cut);
        int own = cache.heads() / cache.parts();
        // Two sequences, of two blocks and one, between other blocks.
        int[][] blocks = {{3, 1}, {3, 1}, {4}, {4}, {4}, {3, 1}};
        int[] table = {0, 0, 2, 2, 2, 0};
        int[] position = {62, 70, 0, 14, 63, 127};
        // Sequences with tables of their own: angles other than those of their positions.
        int[] angle = {7, 33, 25, 39, 15, 23};
        IntArray rowInfo = DeviceArrays.ints(3 * ROWS + 3);
        int[] places = new int[ROWS];
        for (int row = 0; row < ROWS; row++) {
            rowInfo.set(3 * row, position[row]);
            rowInfo.set(3 * row + 1, 3 * ROWS + table[row]);
            rowInfo.set(3 * row + 2, angle[row]);
            for (int i = 0; i < blocks[row].length; i++) {
                rowInfo.set(3 * ROWS + table[row] + i, blocks[row][i]);
            }
            // Of the first key head's; the next head's is a block's positions further on.
            places[row] = blocks[row][position[row] / BLOCK] * own * BLOCK + position[row] % BLOCK;
        }
        FloatArray qkv = RowOps.copy(before);
        IntArray step = RowOps.step(1, 4, 0);
        RowOps.run(
                body,
                g -> RopeAppend.add(g, "rope", step, qkv, rowInfo, cosSin, cache, heads, pairs),
                arrays(cache, step, qkv, rowInfo, cosSin));
        double cacheTolerance = type == DataType.F32 ? TOLERANCE_F32 : TOLERANCE_F16;
        IdentityHashMap<TornadoNativeArray, boolean[]> written = new IdentityHashMap<>();
        Stream.concat(cache.keys().stream(), cache.values().stream())
                .forEach(array -> written.put(array, new boolean[array.getSize()]));
        for (int row = 0; row < ROWS; row++) {
            boolean inside = row >= 1 && row <= 4;
            for (int unit = 0; unit < heads + 2 * kvHeads; unit++) {
                int at = row * rowSize + unit * headDim;
                if (!inside || unit >= heads) {
                    RowOps.assertSameBits(what, qkv, before, at, at + headDim);
                }
                if (!inside) {
                    continue;
                }
                int kvHead = (unit - heads) % kvHeads;
                int to = unit < heads
                        ? -1
                        : (places[row] + kvHead % own * BLOCK) * headDim;
                for (int i = 0; i < headDim; i++) {
                    double rotated = before.get(at + i);
                    if (i < 2 * pairs) {
                        double c = cosSin.get((angle[row] * pairs + i % pairs) * 2);
                        double s = cosSin.get((angle[row] * pairs + i % pairs) * 2 + 1);
                        double low = before.get(at + i % pairs);
                        double high = before.get(at + i % pairs + pairs);
                        rotated = i < pairs ? low * c - high * s : high * c + low * s;
                    }
                    if (unit < heads) {
                        RowOps.assertClose(what, qkv, at + i, rotated, TOLERANCE_F32);
                    } else {
                        boolean key = unit < heads + kvHeads;
                        double expected = key ? rotated : before.get(at + i);
                        TornadoNativeArray array = (key ? cache.keys() : cache.values()).get(kvHead / own);
                        assertThat((double) get(array, to + i))
                                .as(what)
                                .isCloseTo(expected, org.assertj.core.data.Offset.offset(cacheTolerance));
                        Objects.requireNonNull(written.get(array))[to + i] = true;
                    }
                }
            }
        }
        written.forEach((array, elements) -> {
            for (int i = 0; i < elements.length; i++) {
                if (!elements[i]) {
                    assertThat(get(array, i)).as(what).isNaN();
                }
            }
        });
        FloatArray alone = RowOps.copy(before);
        IntArray one = RowOps.step(3, 1, 1);
        KvCache other = cache(type, 6, kvHeads, headDim, cut);
        RowOps.run(
                body,
                g -> RopeAppend.add(g, "rope", one, alone, rowInfo, cosSin, other, heads, pairs),
                arrays(other, one, alone, rowInfo, cosSin));
        RowOps.assertSameBits(what, alone, qkv, 3 * rowSize, 4 * rowSize);
        int to = places[3] * headDim;
        for (int i = to; i < to + headDim; i++) {
            assertThat(get(other.keys().getFirst(), i)).as(what).isEqualTo(get(cache.keys().getFirst(), i));
        }
    }
}
