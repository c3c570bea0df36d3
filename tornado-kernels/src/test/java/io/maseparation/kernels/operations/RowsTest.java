package io.maseparation.kernels.operations;

import static io.maseparation.kernels.operations.RowOps.assertSameBits;
import static io.maseparation.kernels.operations.RowOps.step;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Embedding, clipping, residual add, row selection and arg-max. */
@Tag("tornado")
class RowsTest {
    private static final int[] COLUMNS = {1, 13, 64, 207, 4098};

    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    @ParameterizedTest
    @EnumSource
    void embedding(Body body) {
        for (DataType type : RowOps.types()) {
            for (int n : COLUMNS) {
                int first = random.nextInt(3);
                int count = 1 + random.nextInt(20);
                int rows = first + count + 1;
                WeightMatrix table = TestArrays.randomMatrix(random, type, 9, n, 3, 2);
                IntArray tokens = DeviceArrays.ints(rows);
                for (int i = 0; i < rows; i++) {
                    tokens.set(i, random.nextInt(9));
                }
                float multiplier = random.nextBoolean() ? 1 : 12;
                FloatArray x = TestArrays.poisoned(rows * n);
                IntArray step = step(first, count, 0);
                RowOps.run(
                        body, g -> Embedding.add(g, "e", step, tokens, table, x, multiplier), step, tokens, x);
                String what = "seed %d, %s %s, %d columns".formatted(seed, body, type, n);
                FloatArray expected = TestArrays.poisoned(rows * n);
                for (int row = first; row < first + count; row++) {
                    for (int c = 0; c < n; c++) {
                        expected.set(row * n + c, multiplier * (float) TestArrays.at(table, tokens.get(row), c));
                    }
                }
                assertSameBits(what, x, expected, first * n, (first + count) * n);
                assertOthersUntouched(what, x, first * n, (first + count) * n);
            }
        }
    }

    private static void assertOthersUntouched(String what, FloatArray array, int from, int to) {
        for (int i = 0; i < array.getSize(); i++) {
            if (i < from || i >= to) {
                RowOps.assertUntouched(what, array, i);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void clip(Body body) {
        for (int n : COLUMNS) {
            int first = random.nextInt(3);
            int count = random.nextInt(20);
            int rows = first + count + 1;
            FloatArray x = TestArrays.random(random, rows * n);
            FloatArray expected = RowOps.copy(x);
            for (int i = first * n; i < (first + count) * n; i++) {
                expected.set(i, Math.clamp(x.get(i), -0.5f, 0.5f));
            }
            IntArray step = step(first, count, 0);
            RowOps.run(body, g -> Clip.add(g, "c", step, x, n, 0.5f), step, x);
            assertSameBits("seed %d, %s, %d columns".formatted(seed, body, n), x, expected, 0, rows * n);
        }
    }

    @ParameterizedTest
    @EnumSource
    void residualAdd(Body body) {
        for (int n : COLUMNS) {
            int first = random.nextInt(3);
            int count = random.nextInt(20);
            int rows = first + count + 1;
            float scale = random.nextBoolean() ? 1 : 0.22f;
            FloatArray y = TestArrays.random(random, rows * n);
            FloatArray x = TestArrays.random(random, rows * n);
            FloatArray expected = RowOps.copy(x);
            for (int i = first * n; i < (first + count) * n; i++) {
                expected.set(i, x.get(i) + scale * y.get(i));
            }
            IntArray step = step(first, count, 1);
            RowOps.run(body, g -> ResidualAdd.add(g, "r", step, y, x, n, scale), step, y, x);
            String what = "seed %d, %s, %d columns".formatted(seed, body, n);
            for (int i = first * n; i < (first + count) * n; i++) {
                // A device may multiply and add in one rounding.
                RowOps.assertClose(what, x, i, expected.get(i), 4 * DenseOps.EPS);
            }
            assertSameBits(what, x, expected, 0, first * n);
            assertSameBits(what, x, expected, (first + count) * n, rows * n);
        }
    }

    @ParameterizedTest
    @EnumSource
    void selectRows(Body body) {
        for (int n : COLUMNS) {
            int first = random.nextInt(3);
            int count = random.nextInt(20);
            int rows = first + count + 1;
            FloatArray in = TestArrays.random(random, 7 * n);
            IntArray index = DeviceArrays.ints(rows);
            for (int i = 0; i < rows; i++) {
                index.set(i, random.nextInt(7));
            }
            FloatArray out = TestArrays.poisoned(rows * n);
            FloatArray expected = TestArrays.poisoned(rows * n);
            for (int row = first; row < first + count; row++) {
                for (int c = 0; c < n; c++) {
                    expected.set(row * n + c, in.get(index.get(row) * n + c));
                }
            }
            IntArray step = step(first, count, 0);
            RowOps.run(body, g -> SelectRows.add(g, "s", step, index, in, out, n), step, index, in, out);
            String what = "seed %d, %s, %d columns".formatted(seed, body, n);
            assertSameBits(what, out, expected, first * n, (first + count) * n);
            assertOthersUntouched(what, out, first * n, (first + count) * n);
        }
    }

    @ParameterizedTest
    @EnumSource
    void argMax(Body body) {
        for (int n : COLUMNS) {
            int first = random.nextInt(2);
            int count = 1 + random.nextInt(3);
            int rows = first + count + 1;
            FloatArray logits = TestArrays.random(random, rows * n);
            // Few distinct values make ties.
            for (int i = 0; i < rows * n; i++) {
                logits.set(i, Math.round(logits.get(i) * 20));
            }
            check(body, logits, n, first, count);
        }
    }

    @ParameterizedTest
    @EnumSource
    void argMaxOfTiesAndWhatIsNotFinite(Body body) {
        int n = 70;
        FloatArray logits = DeviceArrays.floats(6 * n);
        logits.init(-2f);
        logits.set(n - 1, -1f);
        logits.set(n + 33, 4f);
        logits.set(n + 65, 4f);
        logits.set(2 * n, Float.NaN);
        logits.set(2 * n + 69, 0f);
        for (int c = 0; c < n; c++) {
            logits.set(3 * n + c, Float.NEGATIVE_INFINITY);
        }
        logits.set(4 * n + 7, Float.POSITIVE_INFINITY);
        for (int c = 0; c < n; c++) {
            logits.set(5 * n + c, c < 9 ? -Float.MAX_VALUE : c < 68 ? Float.MIN_VALUE : Float.MAX_VALUE);
        }
        assertThat(run(body, logits, n, 0, 6).toHeapArray()).containsExactly(69, 33, -1, -1, -1, 68);
        logits.init(-Float.MAX_VALUE);
        assertThat(run(body, logits, n, 0, 6).toHeapArray()).containsOnly(0);
    }

    @ParameterizedTest
    @EnumSource
    void argMaxNamesNoColumnOfARowThatIsNotFinite(Body body) {
        for (int n : new int[] {1, 7, 16, 70, 600}) {
            for (int broken : new int[] {0, n / 2, n - 1}) {
                FloatArray logits = TestArrays.random(random, 4 * n);
                logits.set(broken, Float.NaN);
                logits.set(n + broken, Float.POSITIVE_INFINITY);
                logits.set(2 * n + broken, Float.NEGATIVE_INFINITY);
                logits.set(3 * n + broken, Float.MAX_VALUE);
                assertThat(run(body, logits, n, 0, 4).toHeapArray()).as("%s, column %d of %d", body, broken, n)
                        .containsExactly(-1, -1, -1, broken);
            }
        }
    }

    private void check(Body body, FloatArray logits, int n, int first, int count) {
        IntArray best = run(body, logits, n, first, count);
        for (int row = 0; row < best.getSize(); row++) {
            boolean written = row >= first && row < first + count;
            if (!written && !RowOps.keepsUntouched()) {
                continue;
            }
            int expected = -7;
            if (written) {
                expected = 0;
                for (int c = 1; c < n; c++) {
                    if (logits.get(row * n + c) > logits.get(row * n + expected)) {
                        expected = c;
                    }
                }
            }
            assertThat(best.get(row)).as("seed %d, %s, %d columns, row %d", seed, body, n, row).isEqualTo(expected);
        }
    }

    private static IntArray run(Body body, FloatArray logits, int n, int first, int count) {
        IntArray best = DeviceArrays.ints(logits.getSize() / n);
        best.init(-7);
        IntArray step = step(first, count, 0);
        RowOps.run(body, g -> ArgMax.add(g, "a", step, logits, best, n), step, logits, best);
        return best;
    }
}
