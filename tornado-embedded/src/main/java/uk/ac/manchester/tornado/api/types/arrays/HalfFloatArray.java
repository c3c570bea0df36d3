package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/**
 * Off-heap array of fp16 values: a header of {@value TornadoNativeArray#ARRAY_HEADER} bytes and then the elements.
 * Freed when it is unreachable. An index outside 0…size-1 is an {@link IndexOutOfBoundsException}.
 *
 * <p>The object that {@link #get} returns costs nothing where it does not leave the compiled loop.
 */
public final class HalfFloatArray extends TornadoNativeArray {
    private static final int BYTES = 2;
    private static final ValueLayout.OfShort LAYOUT = ValueLayout.JAVA_SHORT;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     * @throws IllegalArgumentException if it is negative
     */
    public HalfFloatArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    private HalfFloatArray(MemorySegment segment) {
        super(segment, BYTES);
    }

    /** A new array with a copy of the given elements. */
    public static HalfFloatArray fromArray(HalfFloat[] values) {
        HalfFloatArray array = new HalfFloatArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** A new array with a copy of the given elements. */
    public static HalfFloatArray fromElements(HalfFloat... values) {
        return fromArray(values);
    }

    /**
     * A new array with a copy of a segment that holds elements only.
     *
     * @throws IllegalArgumentException if the segment ends within an element
     */
    public static HalfFloatArray fromSegment(MemorySegment segment) {
        HalfFloatArray array = new HalfFloatArray(elements(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /**
     * An array over a segment, without a copy: whoever holds the segment sees the elements change. The segment starts
     * with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header, ends within an element or is read-only
     */
    public static HalfFloatArray fromSegmentShallow(MemorySegment segment) {
        return new HalfFloatArray(segment);
    }

    /** A new array with the elements of all, in order. */
    public static HalfFloatArray concat(HalfFloatArray... arrays) {
        HalfFloatArray all = new HalfFloatArray(totalSize(arrays));
        concat(arrays, all);
        return all;
    }

    /** Sets all elements; a kernel. */
    public static void initialize(HalfFloatArray array, HalfFloat value) {
        for (@Parallel int i = 0; i < array.getSize(); i++) {
            array.set(i, value);
        }
    }

    /** A copy of the elements as a Java array. */
    public HalfFloat[] toHeapArray() {
        HalfFloat[] values = new HalfFloat[size];
        for (int i = 0; i < size; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** A copy of the elements' bit patterns. */
    public short[] toShortArray() {
        return data.toArray(LAYOUT);
    }

    /** Element {@code index}. */
    public HalfFloat get(int index) {
        return new HalfFloat(data.get(LAYOUT, (long) index << 1));
    }

    /** Sets element {@code index}. */
    public void set(int index, HalfFloat value) {
        data.set(LAYOUT, (long) index << 1, value.getHalfFloatValue());
    }

    /**
     * Elements {@code index} and {@code index + 1} in one load, which TornadoVM has on its CUDA backend only.
     *
     * @param index even
     * @throws IllegalArgumentException if it is odd, where a GPU would report a misaligned address
     */
    public Half2 getHalf2(int index) {
        if ((index & 1) != 0) {
            throw new IllegalArgumentException("a pair of halves begins at an even index, not at " + index);
        }
        return new Half2(get(index), get(index + 1));
    }

    /** Sets all elements. */
    public void init(HalfFloat value) {
        for (int i = 0; i < size; i++) {
            set(i, value);
        }
    }

    /**
     * A new array with a copy of {@code length} elements.
     *
     * @throws IllegalArgumentException if they are not all within this array
     */
    public HalfFloatArray slice(int offset, int length) {
        return fromSegment(range(offset, length));
    }

    @Override
    public void clear() {
        super.clear();
    }
}
