package io.maseparation.kernels.operations;

import static io.maseparation.kernels.operations.RowOps.assertClose;
import static io.maseparation.kernels.operations.RowOps.assertSameBits;
import static io.maseparation.kernels.operations.RowOps.step;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Tag("tornado")
class QkvProjectionTest {
    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    private WeightMatrix matrix(DataType type, int rows, int cols) {
        return TestArrays.randomMatrix(random, type, rows, cols, random.nextInt(5), random.nextInt(3));
    }

    @ParameterizedTest
    @EnumSource
    void matchesFloat64(Body body) {
        for (DataType type : RowOps.types()) {
            for (int cols : new int[] {1, 13, 64, 207, 1026}) {
                for (float clip : new float[] {0, 0.5f}) {
                    check(body, type, cols, clip);
                }
            }
        }
    }

    private void check(Body body, DataType type, int cols, float clip) {
        WeightMatrix q = matrix(type, 1 + random.nextInt(20), cols);
        WeightMatrix k = matrix(type, 1 + random.nextInt(6), cols);
        WeightMatrix v = matrix(type, k.rows(), cols);
        int total = q.rows() + 2 * k.rows();
        int first = random.nextInt(2);
        int count = 1 + random.nextInt(3);
        int rows = first + count + 1;
        FloatArray x = TestArrays.random(random, rows * cols);
        FloatArray bias = random.nextBoolean() ? TestArrays.random(random, total) : null;
        FloatArray qkv = TestArrays.poisoned(rows * total);
        FloatArray before = RowOps.copy(qkv);
        IntArray step = step(first, count, 0);
        RowOps.run(body, g -> QkvProjection.add(g, "qkv", step, x, q, k, v, bias, qkv, clip), step, x, qkv);
        String what = "seed %d, %s %s, %d columns, clip %s".formatted(seed, body, type, cols, clip);
        for (int row = first; row < first + count; row++) {
            for (int r = 0; r < total; r++) {
                double sum = r < q.rows()
                        ? DenseOps.dot(q, r, x, row * cols)
                        : r < q.rows() + k.rows()
                                ? DenseOps.dot(k, r - q.rows(), x, row * cols)
                                : DenseOps.dot(v, r - q.rows() - k.rows(), x, row * cols);
                double value = sum + (bias == null ? 0 : bias.get(r));
                double expected = clip > 0 ? Math.clamp(value, -clip, clip) : value;
                assertClose(what, qkv, row * total + r, expected, DenseOps.tolerance(cols) + 2 * DenseOps.EPS);
            }
        }
        if (RowOps.keepsUntouched()) {
            assertSameBits(what, qkv, before, 0, first * total);
            assertSameBits(what, qkv, before, (first + count) * total, rows * total);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRowAloneHasTheBitsItHasAmongOthers(Body body) {
        int cols = 100 + random.nextInt(200);
        int rows = 7;
        WeightMatrix q = matrix(RowOps.types().getLast(), 18, cols);
        WeightMatrix k = matrix(RowOps.types().getLast(), 5, cols);
        WeightMatrix v = matrix(RowOps.types().getLast(), 5, cols);
        FloatArray x = TestArrays.random(random, rows * cols);
        FloatArray all = TestArrays.poisoned(rows * 28);
        IntArray step = step(0, rows, 0);
        RowOps.run(body, g -> QkvProjection.add(g, "qkv", step, x, q, k, v, null, all, 0), step, x, all);
        for (int row = 0; row < rows; row++) {
            FloatArray one = TestArrays.poisoned(rows * 28);
            IntArray alone = step(row, 1, 0);
            RowOps.run(body, g -> QkvProjection.add(g, "qkv", alone, x, q, k, v, null, one, 0), alone, x, one);
            assertSameBits("seed " + seed, one, all, row * 28, (row + 1) * 28);
        }
    }

    @Test
    void refusesMixedTypes() {
        KernelGraph g = new KernelGraph(
                "g", KernelTarget.embeddedDevice(), new uk.ac.manchester.tornado.api.GridScheduler());
        WeightMatrix q = matrix(DataType.F16, 4, 8);
        WeightMatrix k = matrix(DataType.F32, 4, 8);
        FloatArray x = DeviceArrays.floats(8);
        assertThatThrownBy(
                () -> QkvProjection.add(g, "qkv", step(0, 1, 0), x, q, k, q, null, DeviceArrays.floats(12), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("QkvProjection: k is F32, expected F16");
    }
}
