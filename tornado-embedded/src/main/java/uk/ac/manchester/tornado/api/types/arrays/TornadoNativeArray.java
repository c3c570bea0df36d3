package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Base of TornadoVM's off-heap arrays: a segment that starts with a header of {@value #ARRAY_HEADER} bytes, whose first
 * four hold the number of elements, followed by the elements in the machine's byte order. An array has at most 2³¹-1
 * elements and may have more than 2³¹-1 bytes.
 */
public abstract class TornadoNativeArray {
    /** Bytes before the first element. */
    public static final long ARRAY_HEADER = 16;

    /** Number of elements. */
    public abstract int getSize();

    /** The elements, without the header. */
    public abstract MemorySegment getSegment();

    /** Header and elements. */
    public abstract MemorySegment getSegmentWithHeader();

    /** Bytes of header and elements. */
    public abstract long getNumBytesOfSegmentWithHeader();

    /** Bytes of the elements. */
    public abstract long getNumBytesOfSegment();

    /** Sets all elements to zero. */
    protected abstract void clear();

    /** Bytes of one element. */
    public abstract int getElementSize();

    /** Zeros for the header and the elements. */
    static MemorySegment allocate(int elements, int elementBytes) {
        if (elements < 0) {
            throw new IllegalArgumentException("an array of " + elements + " elements");
        }
        return Arena.ofAuto().allocate(ARRAY_HEADER + (long) elements * elementBytes, ARRAY_HEADER);
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
