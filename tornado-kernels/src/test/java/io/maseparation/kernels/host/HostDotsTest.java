package io.maseparation.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

class HostDotsTest {
    private static final int LANES = HostWeights.LANES;
    private static final int[] ROWS = {1, 2, 3, 4, 5, 7, 8, 9, 13, HostDots.ROWS};
    private static final int[] COLUMNS = {1, LANES - 1, LANES, 3 * LANES + 5, 1030};

    private final Random random = new Random(7);

    @ParameterizedTest
    @EnumSource(DataType.class)
    void everyNumberOfRowsHasTheSumsThatAreStated(DataType type) {
        for (int rows : ROWS) {
            for (int cols : COLUMNS) {
                int outputs = 1 + random.nextInt(HostDots.OUTPUTS);
                MemorySegment data = MemorySegment.ofArray(new byte[type.bytes() * outputs * cols]);
                for (int i = 0; i < outputs * cols; i++) {
                    put(type, data, i, bits(type));
                }
                check(type, data, outputs, cols, rows, outputs + " outputs of " + cols + " columns, rows " + rows);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 8, 12})
    void everyHalfIsWidenedInEveryLoop(int rows) {
        int patterns = 1 << 16;
        HalfFloatArray data = new HalfFloatArray(patterns * LANES);
        FloatArray x = new FloatArray(rows * LANES);
        x.init(1f);
        for (int i = 0; i < patterns; i++) {
            data.set(i * LANES + i % LANES, new HalfFloat((short) i));
        }
        HostWeights weights = HostWeights.of(data, 0, LANES, LANES);
        long[] xAt = ProjectionHost.rowPositions(0, rows, LANES);
        float[] sums = new float[rows * HostDots.OUTPUTS];
        for (int from = 0; from < patterns; from += HostDots.OUTPUTS) {
            int to = Math.min(patterns, from + HostDots.OUTPUTS);
            HostDots.get().block(weights, from, to, x.getSegment(), xAt, 0, rows, sums);
            for (int o = 0; o < to - from; o++) {
                // All other weights are 0; a sum that begins with 0 has no negative one.
                float expected = 0f + Float.float16ToFloat((short) (from + o));
                assertSame(sums[o], expected, "pattern " + (from + o));
                assertSame(sums[(rows - 1) * HostDots.OUTPUTS + o], expected, "pattern " + (from + o));
            }
        }
    }

    private void check(DataType type, MemorySegment data, int outputs, int cols, int rows, String what) {
        FloatArray x = new FloatArray(rows * cols);
        for (int i = 0; i < rows * cols; i++) {
            x.set(i, (float) random.nextGaussian());
        }
        float[] sums = new float[HostDots.ROWS * HostDots.OUTPUTS];
        HostDots.get().block(weights(type, data, cols), 0, outputs, x.getSegment(),
                ProjectionHost.rowPositions(0, rows, cols), 0, rows, sums);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < outputs; o++) {
                assertSame(sums[r * HostDots.OUTPUTS + o], expected(type, data, o, x, r, cols), what);
            }
        }
    }

    /** Lane i adds the columns i, i + LANES, ...; then the lanes are added in halves. */
    private static float expected(DataType type, MemorySegment data, int o, FloatArray x, int row, int cols) {
        float[] lanes = new float[LANES];
        int padded = Math.ceilDiv(cols, LANES) * LANES;
        for (int c = 0; c < padded; c++) {
            float w = c < cols ? value(type, data, o * cols + c) : 0;
            float a = c < cols ? x.get(row * cols + c) : 0;
            lanes[c % LANES] = Math.fma(w, a, lanes[c % LANES]);
        }
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0];
    }

    private static HostWeights weights(DataType type, MemorySegment data, int cols) {
        int n = (int) (data.byteSize() / type.bytes());
        TornadoNativeArray array =
                switch (type) {
                    case F32 -> new FloatArray(n);
                    case F16 -> new HalfFloatArray(n);
                    case BF16 -> new BFloat16Array(n);
                };
        MemorySegment.copy(data, 0, array.getSegment(), 0, data.byteSize());
        return HostWeights.of(array, 0, cols, cols);
    }

    /** Numbers around 1, and now and then a subnormal one of the format or a zero. */
    private int bits(DataType type) {
        float v = (float) random.nextGaussian();
        boolean small = random.nextInt(8) == 0;
        return switch (type) {
            case F32 -> Float.floatToRawIntBits(v);
            case F16 -> small ? random.nextInt() & 0x83ff : Float.floatToFloat16(v);
            case BF16 -> small ? random.nextInt() & 0x8000 : Float.floatToRawIntBits(v) >>> 16;
        };
    }

    private static void put(DataType type, MemorySegment data, int i, int bits) {
        if (type == DataType.F32) {
            data.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, bits);
        } else {
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, (short) bits);
        }
    }

    private static float value(DataType type, MemorySegment data, int i) {
        return switch (type) {
            case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
            case F16 -> Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i));
            case BF16 -> Float.intBitsToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i) << 16);
        };
    }

    private static void assertSame(float actual, float expected, String what) {
        boolean same = Float.isNaN(expected)
                ? Float.isNaN(actual)
                : Float.floatToRawIntBits(actual) == Float.floatToRawIntBits(expected);
        if (!same) {
            assertThat(actual).as(what).isEqualTo(expected);
        }
    }
}
