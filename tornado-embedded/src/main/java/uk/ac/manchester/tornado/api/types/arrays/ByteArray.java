package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/**
 * Off-heap array of bytes: a header of {@value TornadoNativeArray#ARRAY_HEADER} bytes and then the elements. Freed
 * when it is unreachable. An index outside 0…size-1 is an {@link IndexOutOfBoundsException}.
 */
public final class ByteArray extends TornadoNativeArray {
    private static final int BYTES = 1;
    private static final ValueLayout.OfByte LAYOUT = ValueLayout.JAVA_BYTE;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     * @throws IllegalArgumentException if it is negative
     */
    public ByteArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    private ByteArray(MemorySegment segment) {
        super(segment, BYTES);
    }

    /** A new array with a copy of the given elements. */
    public static ByteArray fromArray(byte[] values) {
        ByteArray array = new ByteArray(values.length);
        MemorySegment.copy(values, 0, array.data, LAYOUT, 0, values.length);
        return array;
    }

    /** A new array with a copy of the given elements. */
    public static ByteArray fromElements(byte... values) {
        return fromArray(values);
    }

    /** A new array with a copy of what remains in a buffer. */
    public static ByteArray fromByteBuffer(ByteBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /**
     * A new array with a copy of a segment that holds elements only.
     *
     * @throws IllegalArgumentException if the segment ends within an element
     */
    public static ByteArray fromSegment(MemorySegment segment) {
        ByteArray array = new ByteArray(elements(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /**
     * An array over a segment, without a copy: whoever holds the segment sees the elements change. The segment starts
     * with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header, ends within an element or is read-only
     */
    public static ByteArray fromSegmentShallow(MemorySegment segment) {
        return new ByteArray(segment);
    }

    /** A new array with the elements of all, in order. */
    public static ByteArray concat(ByteArray... arrays) {
        ByteArray all = new ByteArray(totalSize(arrays));
        concat(arrays, all);
        return all;
    }

    /** Sets all elements; a kernel. */
    public static void initialize(ByteArray array, byte value) {
        for (@Parallel int i = 0; i < array.getSize(); i++) {
            array.set(i, value);
        }
    }

    /** A copy of the elements as a Java array. */
    public byte[] toHeapArray() {
        return data.toArray(LAYOUT);
    }

    /** Element {@code index}. */
    public byte get(int index) {
        return data.get(LAYOUT, index);
    }

    /** Sets element {@code index}. */
    public void set(int index, byte value) {
        data.set(LAYOUT, index, value);
    }

    /**
     * The fp16 value of two bytes.
     *
     * @param byteIndex index of the first, even
     * @throws IllegalArgumentException if the index is odd
     */
    public HalfFloat getHalfFloat(int byteIndex) {
        return new HalfFloat(data.get(ValueLayout.JAVA_SHORT, even(byteIndex)));
    }

    /**
     * Sets two bytes to an fp16 value.
     *
     * @param byteIndex index of the first, even
     * @throws IllegalArgumentException if the index is odd
     */
    public void setHalfFloat(int byteIndex, HalfFloat value) {
        data.set(ValueLayout.JAVA_SHORT, even(byteIndex), value.getHalfFloatValue());
    }

    private static int even(int byteIndex) {
        if (byteIndex % 2 != 0) {
            throw new IllegalArgumentException("an fp16 value at the odd byte " + byteIndex);
        }
        return byteIndex;
    }

    /** Sets all elements. */
    public void init(byte value) {
        for (int i = 0; i < size; i++) {
            set(i, value);
        }
    }

    /**
     * A new array with a copy of {@code length} elements.
     *
     * @throws IllegalArgumentException if they are not all within this array
     */
    public ByteArray slice(int offset, int length) {
        return fromSegment(range(offset, length));
    }

    @Override
    public void clear() {
        super.clear();
    }
}
