package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Off-heap array of 32-bit integers. */
public final class IntArray extends TornadoNativeArray {
    private static final ValueLayout.OfInt LAYOUT = ValueLayout.JAVA_INT;

    private final MemorySegment segment;
    private final int size;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     */
    public IntArray(int numberOfElements) {
        this(allocate(numberOfElements, 4), numberOfElements);
    }

    private IntArray(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, size);
    }

    /** A new array with a copy of a segment that holds elements only. */
    public static IntArray fromSegment(MemorySegment segment) {
        IntArray array = new IntArray(Math.toIntExact(segment.byteSize() / 4));
        MemorySegment.copy(segment, 0, array.segment, ARRAY_HEADER, segment.byteSize());
        return array;
    }

    /**
     * An array over a segment, without a copy. The segment starts with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header or ends within an element
     */
    public static IntArray fromSegmentShallow(MemorySegment segment) {
        return new IntArray(segment, elements(segment, 4));
    }

    /** A new array with the given elements. */
    public static IntArray fromArray(int[] values) {
        IntArray array = new IntArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** A new array with the given elements. */
    public static IntArray fromElements(int... values) {
        return fromArray(values);
    }

    /** The elements as a Java array. */
    public int[] toHeapArray() {
        int[] values = new int[size];
        for (int i = 0; i < size; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** Element {@code index}. */
    public int get(int index) {
        return segment.get(LAYOUT, ARRAY_HEADER + 4L * index);
    }

    /** Sets element {@code index}. */
    public void set(int index, int value) {
        segment.set(LAYOUT, ARRAY_HEADER + 4L * index, value);
    }

    /** Sets all elements. */
    public void init(int value) {
        for (int i = 0; i < size; i++) {
            set(i, value);
        }
    }

    @Override
    public void clear() {
        super.clear();
    }

    @Override
    public int getSize() {
        return size;
    }

    @Override
    public int getElementSize() {
        return 4;
    }

    @Override
    public MemorySegment getSegment() {
        return segment.asSlice(ARRAY_HEADER);
    }

    @Override
    public MemorySegment getSegmentWithHeader() {
        return segment;
    }

    @Override
    public long getNumBytesOfSegment() {
        return segment.byteSize() - ARRAY_HEADER;
    }

    @Override
    public long getNumBytesOfSegmentWithHeader() {
        return segment.byteSize();
    }
}
