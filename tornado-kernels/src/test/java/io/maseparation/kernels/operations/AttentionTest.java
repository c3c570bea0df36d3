package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
class AttentionTest {
    /** Query heads, key heads, columns: group ratios 1, 2, 4, 8, columns below, at and beside the width of a vector. */
    private static final int[][] SHAPES = {{2, 2, 8}, {2, 1, 13}, {8, 2, 32}, {8, 1, 128}, {3, 1, 64}, {2, 2, 80}};

    private static final int[][] GPU_SHAPES = {{2, 1, 8}, {4, 1, 13}, {1, 1, 80}, {1, 1, 128}};

    /** Rounding of scores (a dot product over the columns, then an exponent) and of sums over the context. */
    private static double tolerance(int headDim, int context, double scale) {
        return 3e-7 * (2 + 2 * scale * Math.sqrt(headDim) + 0.3 * Math.sqrt(context));
    }

    /** Sequences in one cache; what no row may read is NaN. */
    private static final class Problem {
        final int heads;
        final int kvHeads;
        final int headDim;
        final int window;
        float scale;
        final DataType type;
        final int rows;
        final int[] position;
        final int[] base;
        final int[] capacity;
        final FloatArray qkv;
        final IntArray rowInfo;
        final TornadoNativeArray k;
        final TornadoNativeArray v;
        final String what;

        /** One sequence an entry of {@code ranges}: its rows are at positions [from, to). */
        Problem(Body body, DataType type, int[] shape, int window, int[][] ranges) {
            long seed = RowOps.seed();
            Random random = RowOps.random(seed);
            this.heads = shape[0];
            this.kvHeads = shape[1];
            this.headDim = shape[2];
            this.window = window;
            this.type = type;
            this.scale = random.nextBoolean() ? 1 : (float) (1 / Math.sqrt(headDim));
            int count = 0;
            for (int[] range : ranges) {
                count += range[1] - range[0];
            }
            rows = count;
            position = new int[rows];
            base = new int[rows];
            capacity = new int[rows];
            rowInfo = new IntArray(3 * rows);
            int next = 2;
            int row = 0;
            for (int[] range : ranges) {
                int room = range[1] + random.nextInt(5);
                for (int p = range[0]; p < range[1]; p++, row++) {
                    position[row] = p;
                    base[row] = next;
                    capacity[row] = room;
                    rowInfo.set(3 * row, p);
                    rowInfo.set(3 * row + 1, next);
                    rowInfo.set(3 * row + 2, room);
                }
                next += room;
            }
            qkv = TestArrays.random(random, rows * (heads + 2 * kvHeads) * headDim);
            int size = (next + 3) * kvHeads * headDim;
            k = RopeAppendTest.cache(type, size);
            v = RopeAppendTest.cache(type, size);
            row = 0;
            for (int[] range : ranges) {
                int lowest = window > 0 ? Math.max(0, range[0] + 1 - window) : 0;
                for (int head = 0; head < kvHeads; head++) {
                    for (int p = lowest; p < range[1]; p++) {
                        for (int d = 0; d < headDim; d++) {
                            set(k, element(row, head, p) + d, random.nextFloat() * 2 - 1);
                            set(v, element(row, head, p) + d, random.nextFloat() * 2 - 1);
                        }
                    }
                }
                row += range[1] - range[0];
            }
            what = "%s %s %d/%d heads of %d window %d scale %s seed %d"
                    .formatted(body, type, heads, kvHeads, headDim, window, scale, seed);
        }

        int element(int row, int kvHead, int p) {
            return (base[row] * kvHeads + kvHead * capacity[row] + p) * headDim;
        }

        int lowest(int row) {
            return window > 0 ? Math.max(0, position[row] + 1 - window) : 0;
        }

        static void set(TornadoNativeArray a, int i, float x) {
            if (a instanceof FloatArray f) {
                f.set(i, x);
            } else {
                ((HalfFloatArray) a).set(i, new HalfFloat(x));
            }
        }

        FloatArray run(Body body, int phase, int first, int count, int stepPhase) {
            FloatArray out = TestArrays.poisoned(rows * heads * headDim);
            IntArray step = RowOps.step(first, count, stepPhase);
            RowOps.run(
                    body,
                    g -> {
                        if (phase == 0) {
                            DecodeAttention.add(
                                    g, "a", step, qkv, rowInfo, type, k, v, out, heads, kvHeads, headDim, scale,
                                    window);
                        } else {
                            PrefillAttention.add(
                                    g, "a", step, qkv, rowInfo, type, k, v, out, heads, kvHeads, headDim, scale,
                                    window);
                        }
                    },
                    step,
                    qkv,
                    rowInfo,
                    k,
                    v,
                    out);
            return out;
        }

        /** Rows [first, first + count) against float64, the others still poisoned. */
        void check(FloatArray out, int first, int count) {
            for (int row = 0; row < rows; row++) {
                for (int head = 0; head < heads; head++) {
                    int o = (row * heads + head) * headDim;
                    if (row < first || row >= first + count) {
                        for (int d = 0; d < headDim; d++) {
                            assertThat(out.get(o + d)).as(what).isNaN();
                        }
                        continue;
                    }
                    double[] expected = reference(row, head);
                    double tolerance = tolerance(headDim, position[row] + 1 - lowest(row), scale);
                    for (int d = 0; d < headDim; d++) {
                        RowOps.assertClose(what + " row " + row, out, o + d, expected[d], tolerance);
                    }
                }
            }
        }

        double[] reference(int row, int head) {
            int kvHead = head / (heads / kvHeads);
            int from = lowest(row);
            int to = position[row] + 1;
            int q = (row * (heads + 2 * kvHeads) + head) * headDim;
            double[] score = new double[to - from];
            double highest = Double.NEGATIVE_INFINITY;
            for (int p = from; p < to; p++) {
                int at = element(row, kvHead, p);
                for (int d = 0; d < headDim; d++) {
                    score[p - from] += (double) qkv.get(q + d) * RopeAppendTest.get(k, at + d) * scale;
                }
                highest = Math.max(highest, score[p - from]);
            }
            double[] out = new double[headDim];
            double total = 0;
            for (int p = from; p < to; p++) {
                double weight = Math.exp(score[p - from] - highest);
                total += weight;
                for (int d = 0; d < headDim; d++) {
                    out[d] += weight * RopeAppendTest.get(v, element(row, kvHead, p) + d);
                }
            }
            for (int d = 0; d < headDim; d++) {
                out[d] /= total;
            }
            return out;
        }

        /** Makes everything after the row's own position unreadable. */
        void forget(int row) {
            for (int head = 0; head < kvHeads; head++) {
                for (int p = position[row] + 1; p < capacity[row]; p++) {
                    for (int d = 0; d < headDim; d++) {
                        set(k, element(row, head, p) + d, Float.NaN);
                        set(v, element(row, head, p) + d, Float.NaN);
                    }
                }
            }
        }
    }

    private static int[][] contexts(int... lengths) {
        int[][] ranges = new int[lengths.length][];
        for (int i = 0; i < lengths.length; i++) {
            ranges[i] = new int[] {lengths[i] - 1, lengths[i]};
        }
        return ranges;
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void decode(Body body) {
        boolean gpu = body == Body.GPU;
        int[][] ranges = gpu ? contexts(1, 2, 13, 300) : contexts(1, 513, 2, 13, 2049, 207);
        for (DataType type : RowOps.kvTypes()) {
            for (int[] shape : gpu ? GPU_SHAPES : SHAPES) {
                for (int window : type == DataType.F32 || gpu ? new int[] {0, 100} : new int[] {0}) {
                    Problem p = new Problem(body, type, shape, window, ranges);
                    FloatArray out = p.run(body, 0, 0, p.rows, 0);
                    p.check(out, 0, p.rows);
                    int size = p.heads * p.headDim;
                    for (int row : new int[] {1, p.rows - 1}) {
                        FloatArray alone = p.run(body, 0, row, 1, 0);
                        RowOps.assertSameBits(p.what, alone, out, row * size, (row + 1) * size);
                        for (int i = 0; i < row * size; i++) {
                            assertThat(alone.get(i)).as(p.what).isNaN();
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void prefill(Body body) {
        boolean gpu = body == Body.GPU;
        // A fresh sequence, a later chunk of one, single rows: tiles begin and end anywhere.
        int[][] ranges = gpu
                ? new int[][] {{0, 19}, {40, 45}, {6, 7}}
                : new int[][] {{0, 1}, {0, 150}, {500, 523}, {7, 8}, {62, 70}};
        for (DataType type : RowOps.kvTypes()) {
            for (int[] shape : gpu ? GPU_SHAPES : SHAPES) {
                for (int window : type == DataType.F32 ? new int[] {0, 1, 37} : new int[] {0}) {
                    Problem p = new Problem(body, type, shape, window, ranges);
                    FloatArray out = p.run(body, 1, 0, p.rows, 1);
                    p.check(out, 0, p.rows);
                    int size = p.heads * p.headDim;
                    // Another tiling.
                    int first = 5;
                    int count = p.rows - 12;
                    FloatArray part = p.run(body, 1, first, count, 1);
                    RowOps.assertSameBits(p.what, part, out, first * size, (first + count) * size);
                    p.check(part, first, count);
                    // One row as it stood before the rows after it were appended.
                    int row = p.rows - 5;
                    p.forget(row);
                    FloatArray alone = p.run(body, 1, row, 1, 1);
                    RowOps.assertSameBits(p.what, alone, out, row * size, (row + 1) * size);
                }
            }
        }
    }

    /** The host body looks for the largest score before it multiplies. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void aScaleThatIsNotAbove0IsRefused(Body body) {
        Problem p = new Problem(body, DataType.F32, new int[] {2, 1, 8}, 0, contexts(3, 5));
        for (float scale : new float[] {0, -0f, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            p.scale = scale;
            for (int phase : new int[] {0, 1}) {
                assertThatThrownBy(() -> p.run(body, phase, 0, 2, phase))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("scale is " + scale);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void idlesInTheOtherPhaseAndWithoutRows(Body body) {
        Problem p = new Problem(body, DataType.F32, new int[] {2, 1, 8}, 0, contexts(3, 5));
        for (int phase = 0; phase < 2; phase++) {
            p.check(p.run(body, phase, 0, 2, 1 - phase), 0, 0);
            p.check(p.run(body, phase, 1, 0, phase), 0, 0);
        }
    }
}
