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

    /** As many ints as {@link #FLOATS} has floats. */
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    /** As many shorts as {@link #FLOATS} has floats. */
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

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

    /** {@return the loops over elements of this format} */
    WeightDots loops() {
        return switch (type) {
            case F32 -> FloatDots.LOOPS;
            case F16 -> HalfDots.LOOPS;
            case BF16 -> BrainDots.LOOPS;
        };
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

    /** fp16 to fp32, as {@link HalfDots} says. */
    static FloatVector f16(ShortVector halves) {
        IntVector bits =
                ((IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0)).lanewise(VectorOperators.LSHL, 13);
        FloatVector raised = bits.or(HalfDots.TOP).and(HalfDots.MAGNITUDE).reinterpretAsFloats();
        return raised.mul(HalfDots.REBIAS)
                .reinterpretAsInts()
                .min(raised.fma(HalfDots.TWICE, HalfDots.LEAST).reinterpretAsInts())
                .or(bits.and(HalfDots.SIGN))
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
     * @param outAt position of the first element in {@code out}, in bytes, with room for a multiple of {@link #LANES}
     */
    void unpack(long at, int n, MemorySegment out, long outAt) {
        int whole = FLOATS.loopBound(n);
        loops().unpack(segment, at, whole, out, outAt);
        if (whole < n) {
            tail(at + (long) type.bytes() * whole, n - whole).intoMemorySegment(out, outAt + 4L * whole, ORDER);
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
