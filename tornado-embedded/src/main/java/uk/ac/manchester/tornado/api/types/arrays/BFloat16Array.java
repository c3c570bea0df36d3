package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.BFloat16;

/** Off-heap array of bfloat16 values, as their bit patterns. */
public final class BFloat16Array extends TornadoNativeArray {
    private static final ValueLayout.OfShort LAYOUT = ValueLayout.JAVA_SHORT;

    private final MemorySegment segment;
    private final int size;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     */
    public BFloat16Array(int numberOfElements) {
        this(allocate(numberOfElements, 2), numberOfElements);
    }

    private BFloat16Array(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, size);
    }

    /** A new array with a copy of a segment that holds elements only. */
    public static BFloat16Array fromSegment(MemorySegment segment) {
        BFloat16Array array = new BFloat16Array(Math.toIntExact(segment.byteSize() / 2));
        MemorySegment.copy(segment, 0, array.segment, ARRAY_HEADER, segment.byteSize());
        return array;
    }

    /**
     * An array over a segment, without a copy. The segment starts with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header or ends within an element
     */
    public static BFloat16Array fromSegmentShallow(MemorySegment segment) {
        return new BFloat16Array(segment, elements(segment, 2));
    }

    /** A new array of values rounded to the nearest bfloat16. */
    public static BFloat16Array fromFloats(float... values) {
        BFloat16Array array = new BFloat16Array(values.length);
        for (int i = 0; i < values.length; i++) {
            array.setFloat(i, values[i]);
        }
        return array;
    }

    /** Element {@code index}, widened. */
    public float getFloat(int index) {
        return BFloat16.bf16ToFloat(get(index));
    }

    /** Sets element {@code index} to the nearest bfloat16. */
    public void setFloat(int index, float value) {
        set(index, BFloat16.bf16FromFloat(value));
    }

    /** Element {@code index}. */
    public short get(int index) {
        return segment.get(LAYOUT, ARRAY_HEADER + 2L * index);
    }

    /** Sets element {@code index}. */
    public void set(int index, short value) {
        segment.set(LAYOUT, ARRAY_HEADER + 2L * index, value);
    }

    /** Sets all elements. */
    public void init(short value) {
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
