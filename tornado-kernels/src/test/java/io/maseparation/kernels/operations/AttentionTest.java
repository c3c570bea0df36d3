package io.maseparation.kernels.operations;

import static io.maseparation.kernels.KvCache.BLOCK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.gpu.DecodeGpu;
import io.maseparation.kernels.gpu.PrefillTensor;
import io.maseparation.kernels.gpu.WorkerGrids;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

@Tag("tornado")
class AttentionTest {
    /** Query heads, key heads, columns: group ratios 1, 2, 4, 8, columns below, at and beside the width of a vector. */
    private static final int[][] SHAPES = {
        {2, 2, 8}, {2, 1, 13}, {8, 2, 32}, {8, 1, 128}, {3, 1, 64}, {2, 2, 80}, {2, 2, 128}, {1, 1, 64}
    };

    /** Groups of query heads, whole fragments of columns, fewer than warps have and as many as fit. */
    private static final int[][] TENSOR_SHAPES = {{2, 1, 16}, {4, 2, 48}, {1, 1, 112}, {2, 2, 128}};

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
        final int rows;
        final int[] position;
        final int[][] blocks;
        final FloatArray qkv;
        final IntArray rowInfo;
        final KvCache cache;
        final String what;

        /** One sequence an entry of {@code ranges}: its rows are at positions [from, to). */
        Problem(Body body, DataType type, int[] shape, int window, int[][] ranges) {
            this(body, type, shape, window, ranges, RowOps.seed() % 2 == 0);
        }

        Problem(Body body, DataType type, int[] shape, int window, int[][] ranges, boolean cut) {
            long seed = RowOps.seed();
            Random random = RowOps.random(seed);
            this.heads = shape[0];
            this.kvHeads = shape[1];
            this.headDim = shape[2];
            this.window = window;
            this.scale = random.nextBoolean() ? 1 : (float) (1 / Math.sqrt(headDim));
            int count = 0;
            for (int[] range : ranges) {
                count += range[1] - range[0];
            }
            rows = count;
            position = new int[rows];
            blocks = new int[rows][];
            int all = Arrays.stream(ranges).mapToInt(range -> KvCache.blocks(range[1])).sum();
            // Two blocks belong to nobody.
            List<Integer> free = new ArrayList<>(IntStream.range(0, all + 2).boxed().toList());
            Collections.shuffle(free, random);
            rowInfo = DeviceArrays.ints(3 * rows + all);
            int table = 3 * rows;
            int row = 0;
            for (int[] range : ranges) {
                int[] own = free.subList(0, KvCache.blocks(range[1])).stream().mapToInt(b -> b).toArray();
                free = free.subList(own.length, free.size());
                for (int p = range[0]; p < range[1]; p++, row++) {
                    position[row] = p;
                    blocks[row] = own;
                    rowInfo.set(3 * row, p);
                    rowInfo.set(3 * row + 1, table);
                }
                for (int block : own) {
                    rowInfo.set(table++, block);
                }
            }
            qkv = TestArrays.random(random, rows * (heads + 2 * kvHeads) * headDim);
            cache = RopeAppendTest.cache(type, all + 2, kvHeads, headDim, cut);
            row = 0;
            for (int[] range : ranges) {
                int lowest = window > 0 ? Math.max(0, range[0] + 1 - window) : 0;
                for (int head = 0; head < kvHeads; head++) {
                    for (int p = lowest; p < range[1]; p++) {
                        for (int d = 0; d < headDim; d++) {
                            set(keys(head), element(row, head, p) + d, random.nextFloat() * 2 - 1);
                            set(values(head), element(row, head, p) + d, random.nextFloat() * 2 - 1);
                        }
                    }
                }
                row += range[1] - range[0];
            }
            what = "%s %s %d/%d heads of %d in %d arrays, window %d scale %s seed %d"
                    .formatted(body, type, heads, kvHeads, headDim, cache.parts(), window, scale, seed);
        }

        int element(int row, int kvHead, int p) {
            int own = cache.heads() / cache.parts();
            return ((blocks[row][p / BLOCK] * own + kvHead % own) * BLOCK + p % BLOCK) * headDim;
        }

        TornadoNativeArray keys(int kvHead) {
            return cache.keys().get(kvHead * cache.parts() / kvHeads);
        }

        TornadoNativeArray values(int kvHead) {
            return cache.values().get(kvHead * cache.parts() / kvHeads);
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

        FloatArray run(Body body, boolean prefill, int first, int count, int prompts) {
            FloatArray out = TestArrays.poisoned(rows * heads * headDim);
            IntArray step = RowOps.step(first, count, prompts);
            RowOps.run(
                    body,
                    g -> {
                        if (!prefill) {
                            DecodeAttention.add(
                                    g, "a", step, qkv, rowInfo, cache, out, heads, scale, window);
                        } else {
                            PrefillAttention.add(
                                    g, "a", step, qkv, rowInfo, cache, out, heads, scale, window);
                        }
                    },
                    RopeAppendTest.arrays(cache, step, qkv, rowInfo, out));
            return out;
        }

        FloatArray prefillOnTensorCores(boolean f16, int first, int count, int prompts) {
            FloatArray out = TestArrays.poisoned(rows * heads * headDim);
            IntArray step = RowOps.step(first, count, prompts);
            RowOps.runOnTensorCores(
                    f16,
                    g -> PrefillAttention.add(g, "a", step, qkv, rowInfo, cache, out, heads, scale, window),
                    RopeAppendTest.arrays(cache, step, qkv, rowInfo, out));
            if (!KernelTarget.detect(RowOps.device()).embedded()) {
                // TornadoVM takes the array for one that is only written, and does not copy it to the device.
                int size = heads * headDim;
                for (int i = 0; i < out.getSize(); i++) {
                    if (i < first * size || i >= (first + prompts) * size) {
                        out.set(i, Float.NaN);
                    }
                }
            }
            return out;
        }

        void check(FloatArray out, int first, int count) {
            check(out, first, count, 1);
        }

        /** Rows [first, first + count) against float64, the others still poisoned. */
        void check(FloatArray out, int first, int count, double times) {
            for (int row = 0; row < rows; row++) {
                for (int head = 0; head < heads; head++) {
                    int o = (row * heads + head) * headDim;
                    if (row < first || row >= first + count) {
                        for (int d = 0; d < headDim; d++) {
                            assertThat(out.get(o + d)).as("%s row %d of [%d, %d)", what, row, first, first + count)
                                    .isNaN();
                        }
                        continue;
                    }
                    double[] expected = reference(row, head);
                    double tolerance = times * tolerance(headDim, position[row] + 1 - lowest(row), scale);
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
                    score[p - from] += (double) qkv.get(q + d) * RopeAppendTest.get(keys(kvHead), at + d) * scale;
                }
                highest = Math.max(highest, score[p - from]);
            }
            double[] out = new double[headDim];
            double total = 0;
            for (int p = from; p < to; p++) {
                double weight = Math.exp(score[p - from] - highest);
                total += weight;
                for (int d = 0; d < headDim; d++) {
                    out[d] += weight * RopeAppendTest.get(values(kvHead), element(row, kvHead, p) + d);
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
                for (int p = position[row] + 1; p < blocks[row].length * BLOCK; p++) {
                    for (int d = 0; d < headDim; d++) {
                        set(keys(head), element(row, head, p) + d, Float.NaN);
                        set(values(head), element(row, head, p) + d, Float.NaN);
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
                    FloatArray out = p.run(body, false, 0, p.rows, 0);
                    p.check(out, 0, p.rows);
                    int size = p.heads * p.headDim;
                    for (int row : new int[] {1, p.rows - 1}) {
                        FloatArray alone = p.run(body, false, row, 1, 0);
                        RowOps.assertSameBits(p.what, alone, out, row * size, (row + 1) * size);
                        for (int i = 0; i < row * size; i++) {
                            assertThat(alone.get(i)).as(p.what).isNaN();
                        }
                    }
                }
            }
        }
    }

    /**
     * Heads on both sides of those that warps with a softmax of their own take; contexts and windows that begin and end
     * at and beside the positions of a warp, of all warps, and of a block.
     */
    @Test
    void decodeOnAGpuWithAnyNumberOfColumns() {
        int[][] ranges = contexts(3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 2, 1, 400);
        int[][] shapes = {{2, 2, 64}, {2, 1, 65}, {4, 2, 72}, {1, 1, 80}, {2, 2, 97}, {2, 1, 128}, {1, 1, 136}};
        for (int[] shape : shapes) {
            boolean often = shape[2] == 80 || shape[2] == 128;
            for (int window : often ? new int[] {0, 1, 14, 33, 100} : new int[] {0, 5}) {
                boolean both = often && window % 33 == 0;
                for (DataType type : both ? RowOps.kvTypes() : List.of(DataType.F32)) {
                    Problem p = new Problem(Body.GPU, type, shape, window, ranges);
                    FloatArray out = p.run(Body.GPU, false, 0, p.rows, 0);
                    p.check(out, 0, p.rows);
                    // Another batch, as it stood before the rows after it were appended.
                    int size = p.heads * p.headDim;
                    FloatArray part = p.run(Body.GPU, false, 7, 5, 1);
                    RowOps.assertSameBits(p.what, part, out, 8 * size, 12 * size);
                }
            }
        }
    }

    @Test
    void theBodiesForAGpuAgree() {
        int[][] ranges = contexts(1, 20, 64, 300);
        for (int window : new int[] {0, 41}) {
            Problem p = new Problem(Body.GPU, DataType.F32, new int[] {4, 2, 112}, window, ranges, false);
            FloatArray out = p.run(Body.GPU, false, 0, p.rows, 0);
            FloatArray other = TestArrays.poisoned(out.getSize());
            IntArray step = RowOps.step(0, p.rows, 0);
            FloatArray k = (FloatArray) p.keys(0);
            FloatArray v = (FloatArray) p.values(0);
            RowOps.run(
                    Body.GPU,
                    g -> g.task(
                            "f32", WorkerGrids.groups(p.rows * p.heads, DecodeGpu.GROUP),
                            t -> t.task(
                                    "f32", DecodeGpu::f32, g.context(), step, p.qkv, p.rowInfo, k, v, other, p.heads,
                                    p.kvHeads, 0, p.kvHeads, p.headDim, p.scale, p.window)),
                    step, p.qkv, p.rowInfo, k, v, other);
            for (int i = 0; i < out.getSize(); i++) {
                RowOps.assertClose(p.what, out, i, other.get(i), 2 * tolerance(p.headDim, 300, p.scale));
            }
        }
    }

    /** Scores whose exponential no number holds, and one far above the others wherever it is. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void decodeSubtractsTheHighestScore(Body body) {
        for (int headDim : new int[] {32, 128}) {
            Problem p = new Problem(body, DataType.F32, new int[] {1, 1, headDim}, 0, contexts(1, 7, 70, 35, 90));
            p.scale = 1;
            for (int i = 0; i < p.qkv.getSize(); i++) {
                p.qkv.set(i, 100 * p.qkv.get(i));
            }
            p.check(p.run(body, false, 0, p.rows, 0), 0, p.rows, 100);
        }
    }

    /** Minimum and maximum of a GPU lose a NaN. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void decodeOfWhatIsNotANumberIsNone(Body body) {
        for (int headDim : new int[] {32, 72}) {
            Problem p = new Problem(body, DataType.F32, new int[] {1, 1, headDim}, 0, contexts(5, 40, 40, 40));
            p.qkv.set(3 * headDim, Float.NaN);
            Problem.set(p.keys(0), p.element(2, 0, 21) + headDim - 1, Float.NaN);
            Problem.set(p.values(0), p.element(3, 0, 38) + 3, Float.NaN);
            FloatArray out = p.run(body, false, 0, p.rows, 0);
            for (int row = 0; row < p.rows; row++) {
                for (int d = 0; d < headDim; d++) {
                    assertThat(Float.isNaN(out.get(row * headDim + d))).as("%s row %d column %d", p.what, row, d)
                            .isEqualTo(row == 1 || row == 2 || (row == 3 && d == 3));
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
                    FloatArray out = p.run(body, true, 0, p.rows, p.rows);
                    p.check(out, 0, p.rows);
                    int size = p.heads * p.headDim;
                    // Another tiling.
                    int first = 5;
                    int count = p.rows - 12;
                    FloatArray part = p.run(body, true, first, count, count);
                    RowOps.assertSameBits(p.what, part, out, first * size, (first + count) * size);
                    p.check(part, first, count);
                    // One row as it stood before the rows after it were appended.
                    int row = p.rows - 5;
                    p.forget(row);
                    FloatArray alone = p.run(body, true, row, 1, 1);
                    RowOps.assertSameBits(p.what, alone, out, row * size, (row + 1) * size);
                }
            }
        }
    }

    /**
     * What rounding left is multiplied beside what was rounded, and then errors are some times fp32's; or, with
     * activations of fp16, errors are those of rounding queries and weights to 11 bits.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void prefillOnTensorCores(boolean f16) {
        int[][] ranges = {{0, 1}, {0, 75}, {125, 134}, {62, 66}, {6, 7}};
        double times = f16 ? 600 : 4;
        for (int[] shape : TENSOR_SHAPES) {
            for (int window : shape[2] == 16 ? new int[] {0, 1, 70} : new int[] {shape[2] == 112 ? 37 : 0}) {
                // Arrays of the cache have several heads, or one.
                Problem p = new Problem(Body.GPU, DataType.F16, shape, window, ranges, f16 == (shape[2] == 128));
                FloatArray out = p.prefillOnTensorCores(f16, 0, p.rows, p.rows);
                p.check(out, 0, p.rows, times);
                int size = p.heads * p.headDim;
                // Another tiling, with rows that decode after them.
                int first = 5;
                int count = p.rows - 12;
                FloatArray part = p.prefillOnTensorCores(f16, first, count + 3, count);
                RowOps.assertSameBits(p.what, part, out, first * size, (first + count) * size);
                // One row as it stood before the rows after it were appended.
                int row = p.rows - 8;
                p.forget(row);
                FloatArray alone = p.prefillOnTensorCores(f16, row, 1, 1);
                RowOps.assertSameBits(p.what, alone, out, row * size, (row + 1) * size);
            }
        }
    }

    /** Scores whose exponential no number holds; queries that fp16 does, since errors of scores grow with them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tensorCoresSubtractTheHighestScore(boolean f16) {
        Problem p = new Problem(Body.GPU, DataType.F16, new int[] {1, 1, 32}, 0, new int[][] {{0, 70}});
        p.scale = 1;
        for (int i = 0; i < p.qkv.getSize(); i++) {
            p.qkv.set(i, Float.float16ToFloat(Float.floatToFloat16(100 * p.qkv.get(i))));
        }
        p.check(p.prefillOnTensorCores(f16, 0, p.rows, p.rows), 0, p.rows, f16 ? 600 : 100);
    }

    /** 0 times infinity is no number: for rows of its tile of 64, and none before. */
    @Test
    void tensorCoresKeepAnInfiniteValueToItsTile() {
        Problem p = new Problem(Body.GPU, DataType.F16, new int[] {1, 1, 16}, 0, new int[][] {{0, 70}});
        FloatArray before = p.prefillOnTensorCores(true, 0, p.rows, p.rows);
        Problem.set(p.values(0), p.element(0, 0, 66) + 3, Float.POSITIVE_INFINITY);
        FloatArray out = p.prefillOnTensorCores(true, 0, p.rows, p.rows);
        RowOps.assertSameBits(p.what, out, before, 0, 64 * 16);
        for (int row = 66; row < p.rows; row++) {
            assertThat(Float.isFinite(out.get(row * 16 + 3))).as("%s row %d", p.what, row).isFalse();
        }
    }

    @Test
    void tensorCoresTakeHeadsThatFit() {
        assertThat(IntStream.range(1, 300).filter(PrefillTensor::suits)).containsExactly(16, 32, 48, 64, 80, 96, 112,
                128);
    }

    /** Minimum and maximum of a GPU lose a NaN, and fp16 cannot hold every query. */
    @Test
    void whatTensorCoresCannotHoldIsNotANumber() {
        Problem p = new Problem(Body.GPU, DataType.F16, new int[] {1, 1, 16}, 0, new int[][] {{0, 5}});
        p.qkv.set(3 * 16, Float.NaN);
        p.qkv.set(3 * 2 * 16 + 2, 70000);
        for (boolean f16 : new boolean[] {false, true}) {
            FloatArray out = p.prefillOnTensorCores(f16, 0, 5, 5);
            for (int i = 0; i < 5 * 16; i++) {
                assertThat(Float.isNaN(out.get(i))).as("%s row %d", p.what, i / 16)
                        .isEqualTo(i / 16 == 1 || i / 16 == 2);
            }
        }
    }

    /** The host body looks for the largest score before it multiplies. */
    @ParameterizedTest
    @EnumSource(Body.class)
    void aScaleThatIsNotAbove0IsRefused(Body body) {
        Problem p = new Problem(body, DataType.F32, new int[] {2, 1, 8}, 0, contexts(3, 5));
        // Skips the test where the device has no such body, which the refusals below would take for a wrong one.
        p.run(body, false, 0, 2, 0);
        for (float scale : new float[] {0, -0f, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            p.scale = scale;
            for (boolean prefill : new boolean[] {false, true}) {
                assertThatThrownBy(() -> p.run(body, prefill, 0, 2, prefill ? 2 : 0))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("scale is " + scale);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void eachTakesItsOwnRowsOfAStep(Body body) {
        for (DataType type : RowOps.kvTypes()) {
            for (int headDim : new int[] {8, 128}) {
                // Rows of two prompts, then rows that decode, and one more that is not in the step.
                int[][] ranges = {{0, 19}, {62, 66}, {2, 3}, {130, 131}, {63, 64}, {4, 5}};
                Problem p = new Problem(body, type, new int[] {2, 1, headDim}, 0, ranges);
                p.check(p.run(body, true, 0, 26, 23), 0, 23);
                p.check(p.run(body, false, 0, 26, 23), 23, 3);
                p.check(p.run(body, true, 3, 20, 16), 3, 16);
                p.check(p.run(body, false, 3, 23, 20), 23, 3);
                p.check(p.run(body, true, 0, 26, 0), 0, 0);
                p.check(p.run(body, false, 0, 26, 26), 0, 0);
                p.check(p.run(body, true, 5, 0, 0), 0, 0);
                p.check(p.run(body, false, 5, 0, 0), 0, 0);
            }
        }
    }
}
