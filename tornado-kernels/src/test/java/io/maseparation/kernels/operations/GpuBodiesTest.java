package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** No gpu body without a test: each runs beside the portable body on the same inputs. */
@Tag("tornado")
class GpuBodiesTest {
    /** Two orders of the same few sums of numbers up to 1. */
    private static final double TOLERANCE = 1e-5;

    /** And rounded to fp16. */
    private static final double TOLERANCE_F16 = TOLERANCE + 0x1p-10;

    @Test
    void everyGpuBodyHasATask() {
        assertThat(GpuBodies.tasks().keySet()).containsExactlyInAnyOrderElementsOf(GpuBodies.declared());
    }

    static Set<String> bodies() {
        return GpuBodies.tasks().keySet();
    }

    @ParameterizedTest
    @MethodSource("bodies")
    void computesWhatThePortableBodyDoes(String body) {
        long seed = RowOps.seed();
        GpuBodies.Task gpu = GpuBodies.tasks().get(body).apply(new Random(seed));
        GpuBodies.Task portable = GpuBodies.tasks().get(body).apply(new Random(seed));

        if (GpuBodies.onTensorCores(body)) {
            RowOps.runOnTensorCores(GpuBodies.f16Activations(body), g -> gpu.adder().add(g, "task"), gpu.arrays());
        } else {
            RowOps.run(Body.GPU, g -> gpu.adder().add(g, "task"), gpu.arrays());
        }
        RowOps.run(Body.PORTABLE, g -> portable.adder().add(g, "task"), portable.arrays());

        for (int i = 0; i < gpu.arrays().length; i++) {
            String what = "%s, array %d, seed %d".formatted(body, i, seed);
            switch (gpu.arrays()[i]) {
                case IntArray a -> assertThat(a.toHeapArray())
                        .as(what)
                        .isEqualTo(((IntArray) portable.arrays()[i]).toHeapArray());
                case FloatArray a -> {
                    FloatArray expected = (FloatArray) portable.arrays()[i];
                    for (int j = 0; j < a.getSize(); j++) {
                        assertAlike(what, a.get(j), expected.get(j), TOLERANCE);
                    }
                }
                case HalfFloatArray a -> {
                    HalfFloatArray expected = (HalfFloatArray) portable.arrays()[i];
                    for (int j = 0; j < a.getSize(); j++) {
                        assertAlike(what, a.get(j).getFloat32(), expected.get(j).getFloat32(), TOLERANCE_F16);
                    }
                }
                default -> throw new AssertionError(what);
            }
        }
    }

    private static void assertAlike(String what, float actual, float expected, double tolerance) {
        if (Float.isNaN(expected)) {
            assertThat(actual).as(what).isNaN();
        } else {
            assertThat((double) actual)
                    .as(what)
                    .isCloseTo(expected, org.assertj.core.data.Offset.offset(tolerance * (1 + Math.abs(expected))));
        }
    }
}
