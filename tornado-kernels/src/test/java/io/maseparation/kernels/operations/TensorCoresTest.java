package io.maseparation.kernels.operations;

import static io.maseparation.kernels.operations.RowOps.assertClose;
import static io.maseparation.kernels.operations.RowOps.assertSameBits;
import static io.maseparation.kernels.operations.RowOps.step;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The tensor-core bodies against float64, and against themselves with other rows beside. */
class TensorCoresTest {
    private static final KernelTarget TENSOR_CORES =
            KernelTarget.embeddedDevice().withBody(Body.GPU).withTensorCores(true);
    /** Two fp16 hold 22 bits of x; what is left is below this part of it. */
    private static final double SPLIT = 0x1p-21;

    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    /** Pairs of elements: offset and stride are even. */
    private WeightMatrix matrix(int rows, int cols) {
        return TestArrays.randomMatrix(random, DataType.F16, rows, cols, 2 * random.nextInt(3), 2 * random.nextInt(3));
    }

    private static double tolerance(int cols) {
        return DenseOps.tolerance(cols) + SPLIT * Math.sqrt(cols);
    }

    /** What is multiplied: x, or what is left of it in fp16. */
    private static FloatArray multiplied(boolean f16, FloatArray x) {
        FloatArray m = RowOps.copy(x);
        for (int i = 0; f16 && i < x.getSize(); i++) {
            m.set(i, Float.float16ToFloat(Float.floatToFloat16(x.get(i))));
        }
        return m;
    }

    private static FloatArray project(boolean f16, WeightMatrix w, FloatArray x, int first, int count, int rows) {
        FloatArray out = TestArrays.poisoned(rows * w.rows());
        IntArray step = step(first, count, 0);
        RowOps.runOnTensorCores(f16, g -> {
            assertThat(TensorTasks.suits(g.target(), w)).isTrue();
            Projection.add(g, "p", step, x, w, null, out, 1f, false);
        }, step, x, out);
        return out;
    }

    @ParameterizedTest
    @CsvSource({"16, 2, 1, false", "16, 64, 4, false", "17, 66, 5, false", "33, 130, 24, false", "40, 200, 25, false",
        "129, 320, 3, false", "70, 514, 9, false", "17, 66, 5, true", "33, 130, 24, true", "129, 320, 41, true",
        // Many rows for whole work-groups: one more than are few, and more than a pass takes.
        "128, 66, 33, false", "256, 190, 70, false", "128, 66, 65, true", "128, 330, 131, true"})
    void projectionMatchesFloat64(int outputs, int cols, int count, boolean f16) {
        WeightMatrix w = matrix(outputs, cols);
        int first = random.nextInt(3);
        int rows = first + count + 1;
        FloatArray x = TestArrays.random(random, rows * cols);
        FloatArray multiplied = multiplied(f16, x);
        FloatArray bias = TestArrays.random(random, outputs);
        FloatArray out = TestArrays.random(random, rows * outputs);
        FloatArray before = RowOps.copy(out);
        IntArray step = step(first, count, 0);
        RowOps.runOnTensorCores(
                f16, g -> Projection.add(g, "p", step, x, w, bias, out, 0.375f, true), step, x, out);
        String what = "seed %d, %d x %d, %d rows, f16 %s".formatted(seed, outputs, cols, count, f16);
        for (int row = first; row < first + count; row++) {
            for (int r = 0; r < outputs; r++) {
                int at = row * outputs + r;
                double expected = before.get(at) + 0.375 * (DenseOps.dot(w, r, multiplied, row * cols) + bias.get(r));
                assertClose(what, out, at, expected, tolerance(cols) + 4 * DenseOps.EPS);
            }
        }
        assertSameBits(what, out, before, 0, first * outputs);
        assertSameBits(what, out, before, (first + count) * outputs, rows * outputs);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRowHasTheSameBitsAloneAndAmongOthers(boolean f16) {
        WeightMatrix w = matrix(37, 330);
        int rows = 29;
        FloatArray x = TestArrays.random(random, rows * 330);
        FloatArray all = project(f16, w, x, 0, rows, rows);
        for (int row : new int[] {0, 3, 23, 24, rows - 1}) {
            FloatArray one = project(f16, w, x, row, 1, rows);
            assertSameBits("seed " + seed + " row " + row, one, all, row * 37, (row + 1) * 37);
        }
        FloatArray some = project(f16, w, x, 7, 11, rows);
        assertSameBits("seed " + seed, some, all, 7 * 37, 18 * 37);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRowHasTheSameBitsAloneAndAmongMany(boolean f16) {
        WeightMatrix w = matrix(128, 330);
        int rows = 140;
        FloatArray x = TestArrays.random(random, rows * 330);
        FloatArray all = project(f16, w, x, 0, rows, rows);
        FloatArray few = project(f16, w, x, 5, 30, rows);
        assertSameBits("seed " + seed, few, all, 5 * 128, 35 * 128);
        FloatArray some = project(f16, w, x, 60, 75, rows);
        assertSameBits("seed " + seed, some, all, 60 * 128, 135 * 128);
    }

    @Test
    void manyRowsOfQkvMatchFew() {
        WeightMatrix q = TestArrays.randomMatrix(random, DataType.F16, 256, 72, 2, 4);
        WeightMatrix k = TestArrays.randomMatrix(random, DataType.F16, 128, 72, 0, 4);
        WeightMatrix v = TestArrays.randomMatrix(random, DataType.F16, 128, 72, 4, 4);
        FloatArray x = TestArrays.random(random, 70 * 72);
        FloatArray bias = TestArrays.random(random, 512);
        FloatArray[] out = new FloatArray[2];
        for (int i = 0; i < 2; i++) {
            IntArray step = step(0, i == 0 ? 70 : 30, 0);
            FloatArray qkv = TestArrays.poisoned(70 * 512);
            RowOps.runOnTensorCores(false, g -> QkvProjection.add(g, "qkv", step, x, q, k, v, bias, qkv, 0.5f), step,
                    x, qkv);
            out[i] = qkv;
        }
        assertSameBits("seed " + seed, out[1], out[0], 0, 30 * 512);
        for (int r = 0; r < 512; r++) {
            WeightMatrix w = r < 256 ? q : r < 384 ? k : v;
            double sum = DenseOps.dot(w, r < 256 ? r : (r - 256) % 128, x, 69 * 72) + bias.get(r);
            assertClose("seed %d, row %d".formatted(seed, r), out[0], 69 * 512 + r, Math.clamp(sum, -0.5, 0.5),
                    tolerance(72) + 2 * DenseOps.EPS);
        }
    }

    @Test
    void smallAndLargeInputsKeepTheirDigits() {
        WeightMatrix w = matrix(20, 96);
        for (float size : new float[] {1e-6f, 1e-3f, 100f, 3e4f}) {
            FloatArray x = TestArrays.random(random, 2 * 96);
            for (int i = 0; i < x.getSize(); i++) {
                x.set(i, x.get(i) * size);
            }
            FloatArray out = project(false, w, x, 0, 2, 2);
            for (int i = 0; i < 40; i++) {
                double expected = DenseOps.dot(w, i % 20, x, i / 20 * 96);
                // Below fp16's normal numbers the rest still has 11 bits.
                assertClose("seed %d, x of %s".formatted(seed, size), out, i, expected,
                        size * tolerance(96) + 0x1p-36 * 96);
            }
        }
    }

    /** Beyond fp16's largest number there is none for x: no result is better than a wrong one. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatFp16CannotHoldIsNoNumber(boolean f16) {
        WeightMatrix w = matrix(16, 70);
        FloatArray x = TestArrays.random(random, 6 * 70);
        x.set(3, Float.NaN);
        x.set(70 + 69, Float.POSITIVE_INFINITY);
        x.set(140, -1e9f);
        x.set(210 + 31, Math.nextUp(65504f));
        x.set(280, -65504f);
        FloatArray out = project(f16, w, x, 0, 6, 6);
        for (int r = 0; r < 16; r++) {
            for (int row = 0; row < 4; row++) {
                assertThat(out.get(row * 16 + r)).as("row %d of x", row).isNaN();
            }
            float more = f16 ? 0x1p-11f : 0;
            assertClose("seed " + seed, out, 64 + r, DenseOps.dot(w, r, x, 280), 65504 * (tolerance(70) + more));
            assertClose("seed " + seed, out, 80 + r, DenseOps.dot(w, r, x, 350), tolerance(70) + 70 * more);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 64, 194})
    void qkvMatchesFloat64(int cols) {
        int pad = 2 * random.nextInt(3);
        WeightMatrix q = TestArrays.randomMatrix(random, DataType.F16, 48, cols, 2, pad);
        WeightMatrix k = TestArrays.randomMatrix(random, DataType.F16, 18, cols, 0, pad);
        WeightMatrix v = TestArrays.randomMatrix(random, DataType.F16, 18, cols, 4, pad);
        int count = 1 + random.nextInt(30);
        FloatArray x = TestArrays.random(random, count * cols);
        FloatArray bias = TestArrays.random(random, 84);
        FloatArray qkv = TestArrays.poisoned(count * 84);
        IntArray step = step(0, count, 0);
        RowOps.runOnTensorCores(false, g -> QkvProjection.add(g, "qkv", step, x, q, k, v, bias, qkv, 0.5f), step, x,
                qkv);
        for (int row = 0; row < count; row++) {
            for (int r = 0; r < 84; r++) {
                WeightMatrix w = r < 48 ? q : r < 66 ? k : v;
                double sum = DenseOps.dot(w, r < 48 ? r : (r - 48) % 18, x, row * cols) + bias.get(r);
                assertClose("seed %d, row %d of %d".formatted(seed, row, count), qkv, row * 84 + r,
                        Math.clamp(sum, -0.5, 0.5), tolerance(cols) + 2 * DenseOps.EPS);
            }
        }
    }

    /** Experts of which one has no rows, one a few, one more than a pass takes, in one bank or in one each. */
    @ParameterizedTest
    @EnumSource
    void expertsMatchFloat64(Activation activation) {
        for (boolean gated : new boolean[] {false, true}) {
            // Each activation with one of both.
            boolean f16 = gated == (activation.ordinal() % 2 == 0);
            expertsMatchFloat64(
                    activation, gated, f16, 2 * (8 + random.nextInt(100)), 2 * (8 + random.nextInt(40)), 62);
        }
    }

    @ParameterizedTest
    @CsvSource({"false, true, 200", "true, false, 100"})
    void expertsWithManyRowsMatchFloat64(boolean gated, boolean f16, int pairs) {
        expertsMatchFloat64(Activation.SILU, gated, f16, 128, 256, pairs);
    }

    private void expertsMatchFloat64(
            Activation activation, boolean gated, boolean f16, int cols, int width, int pairs) {
        int[] groupOf = new int[pairs];
        for (int i = 0; i < groupOf.length; i++) {
            groupOf[i] = i % 31 == 3 ? 0 : i % 7 == 0 ? -1 : i < 10 ? 2 : 3;
        }
        int rows = groupOf.length / 2;
        ExpertBanks experts = experts(4, width, cols, gated);
        FloatArray x = TestArrays.random(random, rows * cols);
        Groups all = Groups.of(groupOf);
        FloatArray hidden = up(f16, experts.banks(), x, all, width, rows, activation);
        FloatArray out = down(f16, experts.banks(), hidden, all, width, rows, cols);
        String what =
                "seed %d, %s, %d x %d, gated %s, f16 %s".formatted(seed, activation, width, cols, gated, f16);
        FloatArray xs = multiplied(f16, x);
        FloatArray hiddens = multiplied(f16, hidden);
        for (int p = 0; p < all.total(); p++) {
            int pair = all.pairs().get(p);
            ExpertWeights e = experts.get(groupOf[pair]);
            double largest = 1;
            for (int r = 0; r < width; r++) {
                double u = DenseOps.dot(e.up(), r, xs, pair / 2 * cols);
                double expected = gated
                        ? DenseOps.activate(activation, DenseOps.dot(e.gate(), r, xs, pair / 2 * cols)) * u
                        : DenseOps.activate(activation, u);
                double slack = tolerance(cols) * (gated ? 2 * Math.max(4, Math.sqrt(cols)) : 4) + 1e-6;
                assertClose(what, hidden, p * width + r, expected, slack);
                largest = Math.max(largest, Math.abs(hidden.get(p * width + r)));
            }
            for (int c = 0; c < cols; c++) {
                double expected = DenseOps.dot(e.down(), c, hiddens, p * width);
                assertClose(what + ", down", out, pair * cols + c, expected, largest * tolerance(width));
            }
        }
        List<ExpertBank> apart = ExpertBanks.separate(experts).banks();
        FloatArray hidden4 = up(f16, apart, x, all, width, rows, activation);
        assertSameBits(what + " apart", hidden4, hidden, 0, all.total() * width);
        FloatArray out4 = down(f16, apart, hidden4, all, width, rows, cols);
        for (int pair = 0; pair < pairs; pair++) {
            if (groupOf[pair] >= 0 || RowOps.keepsUntouched()) {
                assertSameBits(what + " apart", out4, out, pair * cols, (pair + 1) * cols);
            }
        }
    }

    private ExpertBanks experts(int count, int width, int cols, boolean gated) {
        int matrices = gated ? 2 : 1;
        WeightMatrix in = matrix(count * matrices * width, cols);
        WeightMatrix down = matrix(count * cols, width);
        ExpertWeights first = new ExpertWeights(
                gated ? in.rowRange(0, width) : null,
                in.rowRange((matrices - 1) * width, matrices * width),
                down.rowRange(0, cols));
        return ExpertBanks.stacked(count, first, matrices * width * in.rowStride(), cols * down.rowStride());
    }

    private record Groups(IntArray offsets, IntArray pairs, int total) {
        static Groups of(int[] groupOf) {
            IntArray offsets = DeviceArrays.ints(5);
            IntArray pairs = DeviceArrays.ints(groupOf.length);
            int n = 0;
            for (int g = 0; g < 4; g++) {
                for (int p = 0; p < groupOf.length; p++) {
                    if (groupOf[p] == g) {
                        pairs.set(n++, p);
                    }
                }
                offsets.set(g + 1, n);
            }
            return new Groups(offsets, pairs, n);
        }
    }

    private static FloatArray up(
            boolean f16, List<ExpertBank> banks, FloatArray x, Groups g, int width, int rows, Activation activation) {
        FloatArray hidden = TestArrays.poisoned(rows * 2 * width);
        RowOps.runOnTensorCores(f16, graph -> {
            for (int i = 0; i < banks.size(); i++) {
                ExpertUp.add(
                        graph, "up" + i, x, g.offsets(), g.pairs(), banks.get(i), hidden, width, 2, activation);
            }
        }, x, g.offsets(), g.pairs(), hidden);
        return hidden;
    }

    private static FloatArray down(
            boolean f16, List<ExpertBank> banks, FloatArray hidden, Groups g, int width, int rows, int cols) {
        FloatArray out = TestArrays.poisoned(rows * 2 * cols);
        RowOps.runOnTensorCores(f16, graph -> {
            for (int i = 0; i < banks.size(); i++) {
                ExpertDown.add(graph, "down" + i, hidden, g.offsets(), g.pairs(), banks.get(i), out, width);
            }
        }, hidden, g.offsets(), g.pairs(), out);
        return out;
    }

    @Test
    void oddShapesAndOtherFormatsGetTheOrdinaryBody() {
        KernelGraph g = new KernelGraph("g", TENSOR_CORES, new GridScheduler());
        assertThat(TensorTasks.suits(g.target(), TestArrays.randomMatrix(random, DataType.F16, 16, 5, 0, 1))).isFalse();
        assertThat(TensorTasks.suits(g.target(), TestArrays.randomMatrix(random, DataType.F16, 16, 6, 1, 0))).isFalse();
        assertThat(TensorTasks.suits(g.target(), TestArrays.randomMatrix(random, DataType.F16, 16, 6, 0, 1))).isFalse();
        assertThat(TensorTasks.suits(g.target(), TestArrays.randomMatrix(random, DataType.F32, 16, 6, 0, 0))).isFalse();
        assertThat(TensorTasks.suits(g.target(), matrix(16, 6), 7)).isFalse();
        assertThat(TensorTasks.suits(g.target(), matrix(15, 6))).isFalse();
        assertThat(TensorTasks.suits(g.target().withBody(Body.PORTABLE), matrix(16, 6))).isFalse();
        assertThat(TensorTasks.suits(g.target().withTensorCores(false), matrix(16, 6))).isFalse();
        assertThat(TensorTasks.suits(g.target(), matrix(16, 6), 8)).isTrue();
    }
}
