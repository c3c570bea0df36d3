package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

class HostWeightsTest {
    private static final int PATTERNS = 1 << 16;

    @Test
    void everyHalfBecomesTheSameFloat() {
        HalfFloatArray halves = new HalfFloatArray(PATTERNS);
        for (int i = 0; i < PATTERNS; i++) {
            halves.set(i, new HalfFloat((short) i));
        }
        FloatArray out = new FloatArray(PATTERNS);
        HostWeights.of(halves, 0, PATTERNS, PATTERNS).unpack(0, PATTERNS, out.getSegment(), 0);
        for (int i = 0; i < PATTERNS; i++) {
            assertSame(i, out.get(i), Float.float16ToFloat((short) i));
        }
    }

    @Test
    void everyBfloat16BecomesTheSameFloat() {
        BFloat16Array values = new BFloat16Array(PATTERNS);
        for (int i = 0; i < PATTERNS; i++) {
            values.set(i, (short) i);
        }
        FloatArray out = new FloatArray(PATTERNS);
        HostWeights.of(values, 0, PATTERNS, PATTERNS).unpack(0, PATTERNS, out.getSegment(), 0);
        for (int i = 0; i < PATTERNS; i++) {
            assertSame(i, out.get(i), Float.intBitsToFloat(i << 16));
        }
    }

    @Test
    void aShortLastVectorIsFilledUpWithZeros() {
        HalfFloatArray halves = new HalfFloatArray(7);
        for (int i = 0; i < 7; i++) {
            halves.set(i, new HalfFloat(i + 1f));
        }
        FloatArray out = new FloatArray(64);
        out.init(Float.NaN);
        HostWeights.of(halves, 0, 7, 7).unpack(0, 7, out.getSegment(), 0);
        assertThat(out.toHeapArray()).startsWith(1, 2, 3, 4, 5, 6, 7);
        for (int i = 7; i < Math.ceilDiv(7, HostWeights.LANES) * HostWeights.LANES; i++) {
            assertThat(out.get(i)).isZero();
        }
    }

    private static void assertSame(int pattern, float actual, float expected) {
        boolean same = Float.isNaN(expected)
                ? Float.isNaN(actual)
                : Float.floatToRawIntBits(actual) == Float.floatToRawIntBits(expected);
        if (!same) {
            assertThat(actual).as("pattern %04x", pattern).isEqualTo(expected);
        }
    }
}
