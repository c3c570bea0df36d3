package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DeviceArrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Tag("tornado")
class NormTest {
    private static final float EPS = 1e-5f;
    private static final int[] SIZES = {1, 13, 64, 207, 4098};
    private static final int ROWS = 5;

    /** Relative rounding of a sum of n squares. */
    private static double sumTolerance(int n) {
        return 3e-7 + 3e-8 * Math.sqrt(n);
    }

    private static double squares(FloatArray a, int base, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += (double) a.get(base + i) * a.get(base + i);
        }
        return sum;
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void rmsNorm(Body body) {
        for (int n : SIZES) {
            long seed = RowOps.seed();
            String what = "%s n %d seed %d".formatted(body, n, seed);
            Random random = RowOps.random(seed);
            FloatArray in = TestArrays.random(random, ROWS * n);
            FloatArray weight = TestArrays.random(random, n);
            FloatArray out = TestArrays.poisoned(ROWS * n);
            IntArray step = RowOps.step(1, 3, 0);
            RowOps.run(body, g -> RmsNorm.add(g, "norm", step, in, weight, out, n, EPS), step, in, weight, out);
            for (int row = 0; row < ROWS; row++) {
                double factor = 1 / Math.sqrt(squares(in, row * n, n) / n + EPS);
                for (int i = 0; i < n; i++) {
                    if (row < 1 || row > 3) {
                        assertThat(out.get(row * n + i)).as(what).isNaN();
                    } else {
                        double expected = in.get(row * n + i) * factor * weight.get(i);
                        RowOps.assertClose(
                                what, out, row * n + i, expected, sumTolerance(n) * Math.abs(expected) + 1e-30);
                    }
                }
            }
            // One row alone, in place.
            FloatArray place = RowOps.copy(in);
            IntArray one = RowOps.step(2, 1, 1);
            RowOps.run(body, g -> RmsNorm.add(g, "norm", one, place, weight, place, n, EPS), one, place, weight);
            RowOps.assertSameBits(what, place, out, 2 * n, 3 * n);
            RowOps.assertSameBits(what, place, in, 3 * n, 5 * n);
            IntArray none = RowOps.step(2, 0, 1);
            FloatArray untouched = RowOps.copy(in);
            RowOps.run(body, g -> RmsNorm.add(g, "norm", none, untouched, weight, untouched, n, EPS), none, untouched,
                    weight);
            RowOps.assertSameBits(what, untouched, in, 0, ROWS * n);
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void headRmsNorm(Body body) {
        for (int n : new int[] {1, 13, 64, 128, 207}) {
            long seed = RowOps.seed();
            String what = "%s n %d seed %d".formatted(body, n, seed);
            Random random = RowOps.random(seed);
            int groups = 3;
            int offset = 2;
            int stride = offset + groups * n + 5;
            FloatArray before = TestArrays.random(random, ROWS * stride);
            FloatArray weight = TestArrays.random(random, n);
            FloatArray buf = RowOps.copy(before);
            IntArray step = RowOps.step(1, 3, 0);
            RowOps.run(
                    body,
                    g -> HeadRmsNorm.add(g, "norm", step, buf, weight, stride, offset, groups, n, EPS),
                    step,
                    buf,
                    weight);
            for (int row = 0; row < ROWS; row++) {
                for (int c = 0; c < stride; c++) {
                    int at = row * stride + c;
                    int group = Math.floorDiv(c - offset, n);
                    if (row < 1 || row > 3 || group < 0 || group >= groups) {
                        RowOps.assertSameBits(what, buf, before, at, at + 1);
                        continue;
                    }
                    int base = row * stride + offset + group * n;
                    double factor = 1 / Math.sqrt(squares(before, base, n) / n + EPS);
                    double expected = before.get(at) * factor * weight.get(at - base);
                    RowOps.assertClose(what, buf, at, expected, sumTolerance(n) * Math.abs(expected) + 1e-30);
                }
            }
            FloatArray alone = RowOps.copy(before);
            IntArray one = RowOps.step(3, 1, 1);
            RowOps.run(
                    body,
                    g -> HeadRmsNorm.add(g, "norm", one, alone, weight, stride, offset, groups, n, EPS),
                    one,
                    alone,
                    weight);
            RowOps.assertSameBits(what, alone, buf, 3 * stride, 4 * stride);
        }
    }

    @ParameterizedTest
    @EnumSource(Body.class)
    void sumOfSquaresThenScale(Body body) {
        for (int n : SIZES) {
            long seed = RowOps.seed();
            String what = "%s n %d seed %d".formatted(body, n, seed);
            Random random = RowOps.random(seed);
            int stride = n + 7;
            FloatArray before = TestArrays.random(random, ROWS * stride);
            FloatArray weight = TestArrays.random(random, n + 4);
            FloatArray buf = RowOps.copy(before);
            FloatArray sums = TestArrays.poisoned(ROWS * 2);
            IntArray step = RowOps.step(1, 3, 0);
            RowOps.run(
                    body,
                    g -> {
                        SumOfSquares.add(g, "sum", step, buf, stride, 3, n, sums, 2, 1);
                        ScaleByRms.add(g, "scale", step, buf, weight, 4, stride, 3, n, sums, 2, 1, 2 * n, EPS);
                    },
                    step,
                    buf,
                    weight,
                    sums);
            for (int row = 0; row < ROWS; row++) {
                boolean inside = row >= 1 && row <= 3;
                double sum = squares(before, row * stride + 3, n);
                assertThat(sums.get(2 * row)).as(what).isNaN();
                if (inside) {
                    RowOps.assertClose(what, sums, 2 * row + 1, sum, 2 * sumTolerance(n) * sum);
                } else {
                    assertThat(sums.get(2 * row + 1)).as(what).isNaN();
                }
                for (int c = 0; c < stride; c++) {
                    int at = row * stride + c;
                    if (!inside || c < 3 || c >= 3 + n) {
                        RowOps.assertSameBits(what, buf, before, at, at + 1);
                    } else {
                        double expected = before.get(at) * weight.get(4 + c - 3) / Math.sqrt(sum / (2 * n) + EPS);
                        RowOps.assertClose(what, buf, at, expected, sumTolerance(n) * Math.abs(expected) + 1e-30);
                    }
                }
            }
            FloatArray alone = TestArrays.poisoned(ROWS * 2);
            IntArray one = RowOps.step(2, 1, 1);
            RowOps.run(
                    body, g -> SumOfSquares.add(g, "sum", one, before, stride, 3, n, alone, 2, 1), one, before, alone);
            RowOps.assertSameBits(what, alone, sums, 5, 6);
        }
    }

    @Test
    void shapesAreNamed() {
        KernelGraph g = new KernelGraph(
                "test", KernelTarget.embeddedDevice(), new uk.ac.manchester.tornado.api.GridScheduler());
        FloatArray x = DeviceArrays.floats(26);
        FloatArray weight = DeviceArrays.floats(12);
        assertThatThrownBy(() -> RmsNorm.add(g, "norm", RowOps.step(0, 1, 0), x, weight, x, 13, EPS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("RmsNorm: weight has 12 elements, expected at least 13");
    }
}
