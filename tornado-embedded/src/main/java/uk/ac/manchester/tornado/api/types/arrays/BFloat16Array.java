package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.BFloat16;

/**
 * Off-heap array of bfloat16 values, as bit patterns: a header of {@value TornadoNativeArray#ARRAY_HEADER} bytes and
 * then the elements. Freed when it is unreachable. An index outside 0…size-1 is an {@link IndexOutOfBoundsException}.
 */
public final class BFloat16Array extends TornadoNativeArray {
    private static final int BYTES = 2;
    private static final ValueLayout.OfShort LAYOUT = ValueLayout.JAVA_SHORT;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     * @throws IllegalArgumentException if it is negative
     */
    public BFloat16Array(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    private BFloat16Array(MemorySegment segment) {
        super(segment, BYTES);
    }

    /** A new array with a copy of the given bit patterns. */
    public static BFloat16Array fromShorts(short... bits) {
        BFloat16Array array = new BFloat16Array(bits.length);
        MemorySegment.copy(bits, 0, array.data, LAYOUT, 0, bits.length);
        return array;
    }

    /** A new array of values rounded to the nearest bfloat16 (see {@link BFloat16#bf16FromFloat}). */
    public static BFloat16Array fromFloats(float... values) {
        BFloat16Array array = new BFloat16Array(values.length);
        for (int i = 0; i < values.length; i++) {
            array.setFloat(i, values[i]);
        }
        return array;
    }

    /**
     * A new array with a copy of a segment that holds elements only.
     *
     * @throws IllegalArgumentException if the segment ends within an element
     */
    public static BFloat16Array fromSegment(MemorySegment segment) {
        BFloat16Array array = new BFloat16Array(elements(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /**
     * An array over a segment, without a copy: whoever holds the segment sees the elements change. The segment starts
     * with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header, ends within an element or is read-only
     */
    public static BFloat16Array fromSegmentShallow(MemorySegment segment) {
        return new BFloat16Array(segment);
    }

    /** A new array with the elements of all, in order. */
    public static BFloat16Array concat(BFloat16Array... arrays) {
        BFloat16Array all = new BFloat16Array(totalSize(arrays));
        concat(arrays, all);
        return all;
    }

    /** Sets all elements; a kernel. */
    public static void initialize(BFloat16Array array, short value) {
        for (@Parallel int i = 0; i < array.getSize(); i++) {
            array.set(i, value);
        }
    }

    /** A copy of the elements' bit patterns. */
    public short[] toShortArray() {
        return data.toArray(LAYOUT);
    }

    /** Element {@code index}. */
    public short get(int index) {
        return data.get(LAYOUT, (long) index << 1);
    }

    /** Sets element {@code index}. */
    public void set(int index, short value) {
        data.set(LAYOUT, (long) index << 1, value);
    }

    /** Element {@code index}, widened to fp32. */
    public float getFloat(int index) {
        return BFloat16.bf16ToFloat(get(index));
    }

    /** Sets element {@code index} to the nearest bfloat16 (see {@link BFloat16#bf16FromFloat}). */
    public void setFloat(int index, float value) {
        set(index, BFloat16.bf16FromFloat(value));
    }

    /** Sets all elements. */
    public void init(short value) {
        for (int i = 0; i < size; i++) {
            set(i, value);
        }
    }

    /**
     * A new array with a copy of {@code length} elements.
     *
     * @throws IllegalArgumentException if they are not all within this array
     */
    public BFloat16Array slice(int offset, int length) {
        return fromSegment(range(offset, length));
    }

    @Override
    public void clear() {
        super.clear();
    }
}
