package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.FloatBuffer;
import uk.ac.manchester.tornado.api.annotations.Parallel;

/**
 * Off-heap array of fp32 values: a header of {@value TornadoNativeArray#ARRAY_HEADER} bytes and then the elements.
 * Freed when it is unreachable. An index outside 0…size-1 is an {@link IndexOutOfBoundsException}.
 */
public final class FloatArray extends TornadoNativeArray {
    private static final int BYTES = 4;
    private static final ValueLayout.OfFloat LAYOUT = ValueLayout.JAVA_FLOAT;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     * @throws IllegalArgumentException if it is negative
     */
    public FloatArray(int numberOfElements) {
        super(numberOfElements, BYTES);
    }

    private FloatArray(MemorySegment segment) {
        super(segment, BYTES);
    }

    /** A new array with a copy of the given elements. */
    public static FloatArray fromArray(float[] values) {
        FloatArray array = new FloatArray(values.length);
        MemorySegment.copy(values, 0, array.data, LAYOUT, 0, values.length);
        return array;
    }

    /** A new array with a copy of the given elements. */
    public static FloatArray fromElements(float... values) {
        return fromArray(values);
    }

    /** A new array with a copy of what remains in a buffer. */
    public static FloatArray fromFloatBuffer(FloatBuffer buffer) {
        return fromSegment(MemorySegment.ofBuffer(buffer));
    }

    /**
     * A new array with a copy of a segment that holds elements only.
     *
     * @throws IllegalArgumentException if the segment ends within an element
     */
    public static FloatArray fromSegment(MemorySegment segment) {
        FloatArray array = new FloatArray(elements(segment.byteSize(), BYTES));
        array.data.copyFrom(segment);
        return array;
    }

    /**
     * An array over a segment, without a copy: whoever holds the segment sees the elements change. The segment starts
     * with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header, ends within an element or is read-only
     */
    public static FloatArray fromSegmentShallow(MemorySegment segment) {
        return new FloatArray(segment);
    }

    /** A new array with the elements of all, in order. */
    public static FloatArray concat(FloatArray... arrays) {
        FloatArray all = new FloatArray(totalSize(arrays));
        concat(arrays, all);
        return all;
    }

    /** Sets all elements; a kernel. */
    public static void initialize(FloatArray array, float value) {
        for (@Parallel int i = 0; i < array.getSize(); i++) {
            array.set(i, value);
        }
    }

    /** A copy of the elements as a Java array. */
    public float[] toHeapArray() {
        return data.toArray(LAYOUT);
    }

    /** Element {@code index}. */
    public float get(int index) {
        return data.get(LAYOUT, (long) index << 2);
    }

    /** Sets element {@code index}. */
    public void set(int index, float value) {
        data.set(LAYOUT, (long) index << 2, value);
    }

    /** Sets all elements. */
    public void init(float value) {
        for (int i = 0; i < size; i++) {
            set(i, value);
        }
    }

    /**
     * A new array with a copy of {@code length} elements.
     *
     * @throws IllegalArgumentException if they are not all within this array
     */
    public FloatArray slice(int offset, int length) {
        return fromSegment(range(offset, length));
    }

    @Override
    public void clear() {
        super.clear();
    }
}
