package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.HalfFloat;

/** Off-heap array of fp16 values. */
public final class HalfFloatArray extends TornadoNativeArray {
    private static final ValueLayout.OfShort LAYOUT = ValueLayout.JAVA_SHORT;

    private final MemorySegment segment;
    private final int size;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     */
    public HalfFloatArray(int numberOfElements) {
        this(allocate(numberOfElements, 2), numberOfElements);
    }

    private HalfFloatArray(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, size);
    }

    /** A new array with a copy of a segment that holds elements only. */
    public static HalfFloatArray fromSegment(MemorySegment segment) {
        HalfFloatArray array = new HalfFloatArray(Math.toIntExact(segment.byteSize() / 2));
        MemorySegment.copy(segment, 0, array.segment, ARRAY_HEADER, segment.byteSize());
        return array;
    }

    /**
     * An array over a segment, without a copy. The segment starts with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header or ends within an element
     */
    public static HalfFloatArray fromSegmentShallow(MemorySegment segment) {
        return new HalfFloatArray(segment, elements(segment, 2));
    }

    /** A new array with the given elements. */
    public static HalfFloatArray fromArray(HalfFloat[] values) {
        HalfFloatArray array = new HalfFloatArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** A new array with the given elements. */
    public static HalfFloatArray fromElements(HalfFloat... values) {
        return fromArray(values);
    }

    /** The elements as a Java array. */
    public HalfFloat[] toHeapArray() {
        HalfFloat[] values = new HalfFloat[size];
        for (int i = 0; i < size; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** Element {@code index}. */
    public HalfFloat get(int index) {
        return new HalfFloat(segment.get(LAYOUT, ARRAY_HEADER + 2L * index));
    }

    /** Sets element {@code index}. */
    public void set(int index, HalfFloat value) {
        segment.set(LAYOUT, ARRAY_HEADER + 2L * index, value.getHalfFloatValue());
    }

    /** Sets all elements. */
    public void init(HalfFloat value) {
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
        return 2;
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
