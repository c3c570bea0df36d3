package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.operations.RowOps;
import io.maseparation.kernels.operations.TestArrays;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

class HostVectorsTest {
    private static final int LANES = HostVectors.LANES;

    @Test
    void exponentialIsWithinTwoUnitsInTheLastPlace() {
        float[] x = new float[LANES];
        double worst = 0;
        float step = 0.00037f;
        for (float base = -87.3f; base < 88; base += step * LANES) {
            for (int i = 0; i < LANES; i++) {
                x[i] = Math.min(88, base + i * step);
            }
            float[] y = HostVectors.exp(FloatVector.fromArray(HostVectors.F, x, 0)).toArray();
            for (int i = 0; i < LANES; i++) {
                double exact = Math.exp(x[i]);
                worst = Math.max(worst, Math.abs(y[i] - exact) / Math.ulp((float) exact));
            }
        }
        assertThat(worst).isLessThan(2);
    }

    @Test
    void exponentialOfSpecialValues() {
        float[] in = {0f, -0f, Float.NEGATIVE_INFINITY, Float.NaN, -88f, -1e30f};
        float[] out = {1f, 1f, 0f, Float.NaN, 0f, 0f};
        for (int i = 0; i < in.length; i++) {
            FloatVector y = HostVectors.exp(FloatVector.broadcast(HostVectors.F, in[i]));
            assertThat(y.lane(LANES - 1)).as("exp(%s)", in[i]).isEqualTo(Float.valueOf(out[i]));
        }
    }

    @Test
    void everyHalfIsConvertedExactly() {
        MemorySegment halves = MemorySegment.ofArray(new short[LANES]);
        for (int base = 0; base < 1 << 16; base += LANES) {
            for (int i = 0; i < LANES; i++) {
                halves.setAtIndex(java.lang.foreign.ValueLayout.JAVA_SHORT, i, (short) (base + i));
            }
            float[] y = HostVectors.loadHalves(halves, 0).toArray();
            for (int i = 0; i < LANES; i++) {
                float expected = Float.float16ToFloat((short) (base + i));
                if (Float.isNaN(expected)) {
                    assertThat(y[i]).isNaN();
                } else {
                    assertThat(Float.floatToRawIntBits(y[i])).isEqualTo(Float.floatToRawIntBits(expected));
                }
            }
        }
    }

    /** The first calls are interpreted and the last are compiled. */
    @Test
    void sumsDoNotDependOnHowWarmTheCodeIs() {
        Random random = RowOps.random(RowOps.seed());
        FloatArray a = TestArrays.random(random, 207);
        MemorySegment s = a.getSegment();
        float first = HostVectors.dot(s, 0, s, 0, 207);
        for (int i = 0; i < 50_000; i++) {
            assertThat(HostVectors.dot(s, 0, s, 0, 207) == first).isTrue();
        }
    }
}
