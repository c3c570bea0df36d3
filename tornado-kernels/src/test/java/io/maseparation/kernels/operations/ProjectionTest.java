package io.maseparation.kernels.operations;

import static io.maseparation.kernels.operations.RowOps.assertClose;
import static io.maseparation.kernels.operations.RowOps.assertSameBits;
import static io.maseparation.kernels.operations.RowOps.step;
import static org.assertj.core.api.Assertions.assertThat;
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
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

@Tag("tornado")
class ProjectionTest {
    private final long seed = RowOps.seed();
    private final Random random = RowOps.random(seed);

    @ParameterizedTest
    @EnumSource
    void matchesFloat64(Body body) {
        for (DataType type : RowOps.types()) {
            for (int cols : DenseOps.LENGTHS) {
                int outputs = body == Body.HOST ? 1 + random.nextInt(40) : 1 + random.nextInt(9);
                check(body, type, cols, outputs, 1 + random.nextInt(body == Body.HOST ? 11 : 3));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneRowAndOneOutput(Body body) {
        for (DataType type : RowOps.types()) {
            check(body, type, 207, 1, 1);
            check(body, type, 64, 17, 1);
        }
    }

    private void check(Body body, DataType type, int cols, int outputs, int count) {
        String what = "seed %d, %s %s %d x %d, %d rows".formatted(seed, body, type, outputs, cols, count);
        WeightMatrix w = TestArrays.randomMatrix(random, type, outputs, cols, random.nextInt(7), random.nextInt(5));
        int first = random.nextInt(3);
        int rows = first + count + random.nextInt(3);
        boolean biased = random.nextBoolean();
        boolean accumulate = random.nextBoolean();
        float scale = random.nextBoolean() ? 1 : 0.375f;
        FloatArray x = TestArrays.random(random, rows * cols);
        FloatArray bias = biased ? TestArrays.random(random, outputs) : null;
        FloatArray out = accumulate ? TestArrays.random(random, rows * outputs) : TestArrays.poisoned(rows * outputs);
        FloatArray before = RowOps.copy(out);
        IntArray step = step(first, count, 0);
        RowOps.run(body, g -> Projection.add(g, "p", step, x, w, bias, out, scale, accumulate), step, x, out);
        for (int row = first; row < first + count; row++) {
            for (int r = 0; r < outputs; r++) {
                double v = scale * (DenseOps.dot(w, r, x, row * cols) + (biased ? bias.get(r) : 0));
                int at = row * outputs + r;
                double expected = accumulate ? before.get(at) + v : v;
                assertClose(what, out, at, expected, DenseOps.tolerance(cols) + 4 * DenseOps.EPS);
            }
        }
        assertSameBits(what, out, before, 0, first * outputs);
        assertSameBits(what, out, before, (first + count) * outputs, rows * outputs);
    }

    @ParameterizedTest
    @EnumSource
    void aRowAloneHasTheBitsItHasAmongOthers(Body body) {
        for (DataType type : RowOps.types()) {
            int cols = body == Body.HOST ? 1100 + random.nextInt(2000) : 100 + random.nextInt(300);
            int outputs = 1 + random.nextInt(36);
            int rows = body == Body.HOST ? 103 : 6;
            String what = "seed %d, %s %s %d x %d".formatted(seed, body, type, outputs, cols);
            WeightMatrix w = TestArrays.randomMatrix(random, type, outputs, cols, 3, 1);
            FloatArray x = TestArrays.random(random, rows * cols);
            FloatArray all = TestArrays.poisoned(rows * outputs);
            project(body, step(0, rows, 0), x, w, all);
            for (int row : new int[] {0, 1, rows / 2, rows - 1}) {
                FloatArray one = TestArrays.poisoned(rows * outputs);
                project(body, step(row, 1, 0), x, w, one);
                assertSameBits(what + " row " + row, one, all, row * outputs, (row + 1) * outputs);
            }
            FloatArray some = TestArrays.poisoned(rows * outputs);
            int from = 1 + random.nextInt(2);
            int count = 2 + random.nextInt(2);
            project(body, step(from, count, 0), x, w, some);
            assertSameBits(what, some, all, from * outputs, (from + count) * outputs);
        }
    }

    @Test
    void anOutputHasTheSameBitsInASliceOfTheMatrix() {
        WeightMatrix w = TestArrays.randomMatrix(random, DataType.F16, 50, 333, 0, 0);
        FloatArray x = TestArrays.random(random, 5 * 333);
        FloatArray all = TestArrays.poisoned(5 * 50);
        project(Body.HOST, step(0, 5, 0), x, w, all);
        int from = 1 + random.nextInt(20);
        int to = from + 1 + random.nextInt(20);
        FloatArray part = TestArrays.poisoned(5 * (to - from));
        project(Body.HOST, step(0, 5, 0), x, w.rowRange(from, to), part);
        for (int row = 0; row < 5; row++) {
            for (int r = from; r < to; r++) {
                assertThat(part.get(row * (to - from) + r - from))
                        .as("seed %d", seed)
                        .isEqualTo(all.get(row * 50 + r));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void noRowsTouchNothing(Body body) {
        WeightMatrix w = TestArrays.randomMatrix(random, RowOps.f16OrF32(), 5, 13, 0, 0);
        FloatArray x = TestArrays.random(random, 26);
        FloatArray out = TestArrays.poisoned(10);
        project(body, step(1, 0, 0), x, w, out);
        assertSameBits("seed " + seed, out, TestArrays.poisoned(10), 0, 10);
    }

    @Test
    void infinityAndNanOfWeightsArrive() {
        for (Body body : Body.values()) {
            WeightMatrix w = TestArrays.randomMatrix(random, DataType.F16, 2, 40, 0, 0);
            var data = (uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray) w.data();
            data.set(3, new uk.ac.manchester.tornado.api.types.HalfFloat(Float.POSITIVE_INFINITY));
            data.set(40 + 39, new uk.ac.manchester.tornado.api.types.HalfFloat(Float.NaN));
            FloatArray x = DeviceArrays.floats(40);
            x.init(1f);
            FloatArray out = DeviceArrays.floats(2);
            project(body, step(0, 1, 0), x, w, out);
            assertThat(out.get(0)).isEqualTo(Float.POSITIVE_INFINITY);
            assertThat(out.get(1)).isNaN();
        }
    }

    private static void project(Body body, IntArray step, FloatArray x, WeightMatrix w, FloatArray out) {
        RowOps.run(body, g -> Projection.add(g, "p", step, x, w, null, out, 1f, false), step, x, out);
    }

    @Test
    void refusesWhatTheDeviceCannotRead() {
        KernelTarget device =
                new KernelTarget("gpu-0", false, false, true, true, false, TornadoVMBackendType.OPENCL, false, false,
                        false, java.util.Optional.empty());
        KernelGraph g = new KernelGraph("g", device, new uk.ac.manchester.tornado.api.GridScheduler());
        WeightMatrix w = TestArrays.randomMatrix(random, DataType.BF16, 2, 3, 0, 0);
        FloatArray x = DeviceArrays.floats(3);
        assertThatThrownBy(() -> Projection.add(g, "p", step(0, 1, 0), x, w, null, x, 1f, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Projection: w is BF16, which device gpu-0 cannot read");
    }

    @Test
    void refusesShortArrays() {
        KernelGraph g = new KernelGraph(
                "g", KernelTarget.embeddedDevice(), new uk.ac.manchester.tornado.api.GridScheduler());
        WeightMatrix w = TestArrays.randomMatrix(random, DataType.F32, 2, 3, 0, 0);
        assertThatThrownBy(() -> Projection.add(
                g, "p", step(0, 1, 0), DeviceArrays.floats(2), w, null, DeviceArrays.floats(2), 1f, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("Projection: x has 2 elements, expected at least 3");
    }
}
