package io.maseparation.moe;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Values of one number format in another, rounded to the nearest as PyTorch does: what is too large is infinite. */
final class TypeCast {
    private TypeCast() {}

    /** A value in a format. */
    static float rounded(float value, DataType type) {
        return switch (type) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> Float.intBitsToFloat(bfloat16(value) << 16);
        };
    }

    /**
     * A dense copy of a matrix.
     *
     * @param what what it is for, if there is no memory
     */
    static WeightMatrix copy(WeightMatrix from, DataType type, String what) {
        MemoryBudget.require(
                (long) from.rows() * from.cols() * type.bytes(), what + " in " + type, "store all tensors in one type");
        TornadoNativeArray array = DeviceArrays.of(type, Math.multiplyExact(from.rows(), from.cols()));
        MemorySegment to = array.getSegment();
        ExactMatrix reader = new ExactMatrix(from);
        IntStream.range(0, from.rows()).parallel().forEach(row -> {
            for (int col = 0; col < from.cols(); col++) {
                float value = (float) reader.get(row, col);
                long at = ((long) row * from.cols() + col) * type.bytes();
                switch (type) {
                    case F32 -> to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, value);
                    case F16 -> to.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(value));
                    case BF16 -> to.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, bfloat16(value));
                }
            }
        });
        return WeightMatrix.dense(type, array, from.rows(), from.cols());
    }

    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        // Rounding could carry a NaN with few bits into an infinity.
        return (short) (Float.isNaN(value) ? (bits >>> 16) | 0x40 : (bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }
}
