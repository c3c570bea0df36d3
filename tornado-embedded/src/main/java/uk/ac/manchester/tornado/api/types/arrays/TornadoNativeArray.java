package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Base of TornadoVM's off-heap arrays: a segment that starts with a header of {@value #ARRAY_HEADER} bytes, whose first
 * four hold the number of elements, followed by the elements in the machine's byte order. An array has at most 2³¹-1
 * elements and may have more than 2³¹-1 bytes.
 */
public abstract class TornadoNativeArray {
    /** Bytes before the first element. */
    public static final long ARRAY_HEADER = 16;

    private static final long CACHE_LINE = 64;

    /** The elements, without the header. */
    final MemorySegment data;
    /** Number of elements. */
    final int size;

    private final MemorySegment segment;
    private final int elementBytes;

    /** Zeros. */
    TornadoNativeArray(int elements, int elementBytes) {
        this(allocate(elements, elementBytes), elementBytes);
    }

    /** An array over a segment with a header, which is written. */
    TornadoNativeArray(MemorySegment segment, int elementBytes) {
        this.segment = segment;
        this.elementBytes = elementBytes;
        size = elements(segment.byteSize() - ARRAY_HEADER, elementBytes);
        data = segment.asSlice(ARRAY_HEADER);
        segment.set(ValueLayout.JAVA_INT, 0, size);
    }

    /** Number of elements. */
    public int getSize() {
        return size;
    }

    /** The elements, without the header. */
    public MemorySegment getSegment() {
        return data;
    }

    /** Header and elements. */
    public MemorySegment getSegmentWithHeader() {
        return segment;
    }

    /** Bytes of header and elements. */
    public long getNumBytesOfSegmentWithHeader() {
        return segment.byteSize();
    }

    /** Bytes of the elements. */
    public long getNumBytesOfSegment() {
        return data.byteSize();
    }

    /** Sets all elements to zero. */
    protected void clear() {
        data.fill((byte) 0);
    }

    /** Bytes of one element. */
    public int getElementSize() {
        return elementBytes;
    }

    private static MemorySegment allocate(int elements, int elementBytes) {
        if (elements < 0) {
            throw new IllegalArgumentException("an array of " + elements + " elements");
        }
        // Elements begin at a cache line: a vector that lies in two takes twice as long to load.
        return Arena.ofAuto()
                .allocate(CACHE_LINE + (long) elements * elementBytes, CACHE_LINE)
                .asSlice(CACHE_LINE - ARRAY_HEADER);
    }

    /** Number of elements in {@code bytes}. */
    static int elements(long bytes, int elementBytes) {
        if (bytes < 0 || bytes % elementBytes != 0 || bytes / elementBytes > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    bytes < 0
                            ? "a segment shorter than the header of " + ARRAY_HEADER + " bytes"
                            : "%,d bytes are not up to 2^31-1 elements of %d bytes".formatted(bytes, elementBytes));
        }
        return (int) (bytes / elementBytes);
    }

    static int totalSize(TornadoNativeArray... arrays) {
        int total = 0;
        for (TornadoNativeArray array : arrays) {
            total = Math.addExact(total, array.getSize());
        }
        return total;
    }

    static void concat(TornadoNativeArray[] arrays, TornadoNativeArray all) {
        long offset = 0;
        for (TornadoNativeArray array : arrays) {
            MemorySegment.copy(array.getSegment(), 0, all.getSegment(), offset, array.getNumBytesOfSegment());
            offset += array.getNumBytesOfSegment();
        }
    }

    /** The elements {@code offset} to {@code offset + length - 1}. */
    MemorySegment range(int offset, int length) {
        if (offset < 0 || length < 0 || offset > getSize() - length) {
            throw new IllegalArgumentException(
                    "%d elements from %d are not within %d".formatted(length, offset, getSize()));
        }
        return getSegment().asSlice((long) offset * getElementSize(), (long) length * getElementSize());
    }
}
