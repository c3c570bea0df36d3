package io.maseparation.kernels.operations;

import static io.maseparation.kernels.AttentionShapes.BLOCK;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import java.util.Random;
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
        HalfFloatArray h = new HalfFloatArray(n);
        for (int i = 0; i < n; i++) {
            h.set(i, new HalfFloat(Float.NaN));
        }
        return h;
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
        // Two sequences, of two blocks and one, between other blocks.
        int[][] blocks = {{3, 1}, {3, 1}, {4}, {4}, {4}, {3, 1}};
        int[] table = {0, 0, 2, 2, 2, 0};
        int[] position = {62, 70, 0, 14, 63, 127};
        // Sequences with tables of their own: angles other than those of their positions.
        int[] angle = {7, 33, 25, 39, 15, 23};
        IntArray rowInfo = new IntArray(3 * ROWS + 3);
        int[] places = new int[ROWS];
        for (int row = 0; row < ROWS; row++) {
            rowInfo.set(3 * row, position[row]);
            rowInfo.set(3 * row + 1, 3 * ROWS + table[row]);
            rowInfo.set(3 * row + 2, angle[row]);
            for (int i = 0; i < blocks[row].length; i++) {
                rowInfo.set(3 * ROWS + table[row] + i, blocks[row][i]);
            }
            // Of the first key head's; the next head's is a block's positions further on.
            places[row] = blocks[row][position[row] / BLOCK] * kvHeads * BLOCK + position[row] % BLOCK;
        }
        int size = 6 * BLOCK * kvHeads * headDim;
        TornadoNativeArray k = cache(type, size);
        TornadoNativeArray v = cache(type, size);
        FloatArray qkv = RowOps.copy(before);
        IntArray step = RowOps.step(1, 4, 0);
        RowOps.run(
                body,
                g -> RopeAppend.add(g, "rope", step, qkv, rowInfo, cosSin, type, k, v, heads, kvHeads, headDim, pairs),
                step,
                qkv,
                rowInfo,
                cosSin,
                k,
                v);
        double cacheTolerance = type == DataType.F32 ? TOLERANCE_F32 : TOLERANCE_F16;
        boolean[] written = new boolean[size];
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
                        : (places[row] + kvHead * BLOCK) * headDim;
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
                        assertThat((double) get(key ? k : v, to + i))
                                .as(what)
                                .isCloseTo(expected, org.assertj.core.data.Offset.offset(cacheTolerance));
                        written[to + i] = true;
                    }
                }
            }
        }
        for (int i = 0; i < size; i++) {
            if (!written[i]) {
                assertThat(get(k, i)).as(what).isNaN();
                assertThat(get(v, i)).as(what).isNaN();
            }
        }
        FloatArray alone = RowOps.copy(before);
        IntArray one = RowOps.step(3, 1, 1);
        TornadoNativeArray k1 = cache(type, size);
        TornadoNativeArray v1 = cache(type, size);
        RowOps.run(
                body,
                g -> RopeAppend.add(
                        g, "rope", one, alone, rowInfo, cosSin, type, k1, v1, heads, kvHeads, headDim, pairs),
                one,
                alone,
                rowInfo,
                cosSin,
                k1,
                v1);
        RowOps.assertSameBits(what, alone, qkv, 3 * rowSize, 4 * rowSize);
        int to = places[3] * headDim;
        for (int i = to; i < to + headDim; i++) {
            assertThat(get(k1, i)).as(what).isEqualTo(get(k, i));
        }
    }
}
