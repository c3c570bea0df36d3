package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Off-heap array of bytes. */
public final class ByteArray extends TornadoNativeArray {
    private static final ValueLayout.OfByte LAYOUT = ValueLayout.JAVA_BYTE;

    private final MemorySegment segment;
    private final int size;

    /**
     * Zeros.
     *
     * @param numberOfElements length
     */
    public ByteArray(int numberOfElements) {
        this(allocate(numberOfElements, 1), numberOfElements);
    }

    private ByteArray(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, size);
    }

    /** A new array with a copy of a segment that holds elements only. */
    public static ByteArray fromSegment(MemorySegment segment) {
        ByteArray array = new ByteArray(Math.toIntExact(segment.byteSize() / 1));
        MemorySegment.copy(segment, 0, array.segment, ARRAY_HEADER, segment.byteSize());
        return array;
    }

    /**
     * An array over a segment, without a copy. The segment starts with the header, which is written.
     *
     * @throws IllegalArgumentException if the segment is shorter than a header or ends within an element
     */
    public static ByteArray fromSegmentShallow(MemorySegment segment) {
        return new ByteArray(segment, elements(segment, 1));
    }

    /** A new array with the given elements. */
    public static ByteArray fromArray(byte[] values) {
        ByteArray array = new ByteArray(values.length);
        for (int i = 0; i < values.length; i++) {
            array.set(i, values[i]);
        }
        return array;
    }

    /** A new array with the given elements. */
    public static ByteArray fromElements(byte... values) {
        return fromArray(values);
    }

    /** The elements as a Java array. */
    public byte[] toHeapArray() {
        byte[] values = new byte[size];
        for (int i = 0; i < size; i++) {
            values[i] = get(i);
        }
        return values;
    }

    /** Element {@code index}. */
    public byte get(int index) {
        return segment.get(LAYOUT, ARRAY_HEADER + index);
    }

    /** Sets element {@code index}. */
    public void set(int index, byte value) {
        segment.set(LAYOUT, ARRAY_HEADER + index, value);
    }

    /** Sets all elements. */
    public void init(byte value) {
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
        return 1;
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
