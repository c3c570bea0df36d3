package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Off-heap array of fp32 values. */
public final class FloatArray extends TornadoNativeArray {
    private static final ValueLayout.OfFloat LAYOUT = ValueLayout.JAVA_FLOAT;

    private final MemorySegment segment;
    private final int size;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     */
    public FloatArray(int numberOfElements) {
        this(allocate(numberOfElements, 4), numberOfElements);
    }

    private FloatArray(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, size);
    }

    /** A new array with a copy of a segment that holds elements only. */
    public static FloatArray fromSegment(MemorySegment segment) {
        FloatArray array = new FloatArray(Math.toIntExact(segment.byteSize() / 4));
        MemorySegment.copy(segment, 0, array.segment, ARRAY_HEADER, segment.byteSize());
        return array;
    }

    /**
     * An array over a segment, without a copy. The segment starts with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header or ends within an element
     */
    public static FloatArray fromSegmentShallow(MemorySegment segment) {
        return new FloatArray(segment, elements(segment, 4));
    }

    /** A new array with the given elements. */
    public static FloatArray fromArray(float[] values) {
        FloatArray array = new FloatArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** A new array with the given elements. */
    public static FloatArray fromElements(float... values) {
        return fromArray(values);
    }

    /** The elements as a Java array. */
    public float[] toHeapArray() {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** Element {@code index}. */
    public float get(int index) {
        return segment.get(LAYOUT, ARRAY_HEADER + 4L * index);
    }

    /** Sets element {@code index}. */
    public void set(int index, float value) {
        segment.set(LAYOUT, ARRAY_HEADER + 4L * index, value);
    }

    /** Sets all elements. */
    public void init(float value) {
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
