package io.maseparation.kernels.host;

import io.maseparation.kernels.DataType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Weight rows as host bodies read them, converted to fp32 in registers. Conversions are exact for every bit pattern but
 * the payload of a NaN.
 *
 * @param type format of the elements
 * @param segment memory of the elements, without the array's header
 * @param offset index of element (0, 0)
 * @param rowStride elements between the starts of two rows
 * @param cols elements of a row
 */
record HostWeights(DataType type, MemorySegment segment, long offset, long rowStride, int cols) {
    /** Vectors of activations, sums and converted weights. */
    static final VectorSpecies<Float> FLOATS = HostVectors.F;
    /** Lanes of {@link #FLOATS}. */
    static final int LANES = FLOATS.length();
    /** Order of bytes in TornadoVM's arrays. */
    static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    /** As many shorts as {@link #FLOATS} has floats. */
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    private static final int HALF_SIGN_AND_MAGNITUDE = 0x8fffe000;
    private static final int HALF_EXPONENT = 0x0f800000;
    private static final int FLOAT_EXPONENT = 0x7f800000;
    /** Difference of the exponent biases, 127 - 15. */
    private static final float HALF_REBIAS = 0x1p112f;

    /** A view of {@code data}, whose class decides the format. */
    static HostWeights of(TornadoNativeArray data, long offset, long rowStride, int cols) {
        DataType type =
                switch (data) {
                    case FloatArray f -> DataType.F32;
                    case HalfFloatArray h -> DataType.F16;
                    case BFloat16Array b -> DataType.BF16;
                    default -> throw new IllegalArgumentException("no weights in a " + data.getClass());
                };
        return new HostWeights(type, data.getSegment(), offset, rowStride, cols);
    }

    /** Position of element (row, 0) in the segment, in bytes. */
    long byteOffset(int row) {
        return (offset + row * rowStride) * type.bytes();
    }

    /** Lanes below {@code n}, for the end of a row. */
    static VectorMask<Float> floatsBelow(int n) {
        return FLOATS.indexInRange(0, n);
    }

    /** Lanes below {@code n}, for the end of a row of 16-bit weights. */
    static VectorMask<Short> shortsBelow(int n) {
        return SHORTS.indexInRange(0, n);
    }

    /** A vector of fp32 weights. */
    static FloatVector f32(MemorySegment segment, long at) {
        return FloatVector.fromMemorySegment(FLOATS, segment, at, ORDER);
    }

    /** A vector of fp16 weights. */
    static FloatVector f16(MemorySegment segment, long at) {
        return f16(ShortVector.fromMemorySegment(SHORTS, segment, at, ORDER));
    }

    /** A vector of bf16 weights. */
    static FloatVector bf16(MemorySegment segment, long at) {
        return bf16(ShortVector.fromMemorySegment(SHORTS, segment, at, ORDER));
    }

    /** fp16 to fp32. */
    static FloatVector f16(ShortVector halves) {
        // Sign extension puts copies of the sign above the magnitude, which leaves one of them at fp32's place.
        IntVector bits = ((IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0))
                .lanewise(VectorOperators.LSHL, 13)
                .and(HALF_SIGN_AND_MAGNITUDE);
        // A multiplication by a power of two moves the exponent, and normalises subnormals on the way.
        FloatVector finite = bits.reinterpretAsFloats().mul(HALF_REBIAS);
        VectorMask<Integer> special = bits.and(HALF_EXPONENT).eq(HALF_EXPONENT);
        return finite.reinterpretAsInts()
                .lanewise(VectorOperators.OR, FLOAT_EXPONENT, special)
                .reinterpretAsFloats();
    }

    /** bf16 to fp32. */
    static FloatVector bf16(ShortVector halves) {
        return ((IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    /**
     * Converts part of a row; the last vector written is filled up with zeros.
     *
     * @param at position of the first element in the segment, in bytes
     * @param n elements to convert
     * @param out receives them
     * @param outAt index of the first element in {@code out}, which has room for a multiple of {@link #LANES}
     */
    void unpack(long at, int n, float[] out, int outAt) {
        int whole = FLOATS.loopBound(n);
        switch (type) {
            case F32 -> {
                for (int k = 0; k < whole; k += LANES) {
                    f32(segment, at + 4L * k).intoArray(out, outAt + k);
                }
            }
            case F16 -> {
                for (int k = 0; k < whole; k += LANES) {
                    f16(segment, at + 2L * k).intoArray(out, outAt + k);
                }
            }
            case BF16 -> {
                for (int k = 0; k < whole; k += LANES) {
                    bf16(segment, at + 2L * k).intoArray(out, outAt + k);
                }
            }
        }
        if (whole < n) {
            tail(at + (long) type.bytes() * whole, n - whole).intoArray(out, outAt + whole);
        }
    }

    /** The last {@code n} elements of a row, fewer than a vector, with zeros after them. */
    FloatVector tail(long at, int n) {
        return switch (type) {
            case F32 -> FloatVector.fromMemorySegment(FLOATS, segment, at, ORDER, floatsBelow(n));
            case F16 -> f16(ShortVector.fromMemorySegment(SHORTS, segment, at, ORDER, shortsBelow(n)));
            case BF16 -> bf16(ShortVector.fromMemorySegment(SHORTS, segment, at, ORDER, shortsBelow(n)));
        };
    }
}
