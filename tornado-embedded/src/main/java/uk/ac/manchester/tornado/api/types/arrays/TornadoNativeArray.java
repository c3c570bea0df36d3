package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Base of TornadoVM's off-heap arrays: a segment that starts with a header of {@value #ARRAY_HEADER} bytes, whose first
 * four hold the number of elements, followed by the elements.
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
    protected void clear() {
        getSegment().fill((byte) 0);
    }

    /** Bytes of one element. */
    public abstract int getElementSize();

    static MemorySegment allocate(int elements, int elementBytes) {
        if (elements < 0) {
            throw new IllegalArgumentException("an array of " + elements + " elements");
        }
        return Arena.ofAuto().allocate(ARRAY_HEADER + (long) elements * elementBytes, ARRAY_HEADER);
    }

    static int elements(MemorySegment withHeader, int elementBytes) {
        long bytes = withHeader.byteSize() - ARRAY_HEADER;
        if (bytes < 0 || bytes % elementBytes != 0) {
            throw new IllegalArgumentException("%d bytes are not a header and elements of %d bytes"
                    .formatted(withHeader.byteSize(), elementBytes));
        }
        return Math.toIntExact(bytes / elementBytes);
    }
}
