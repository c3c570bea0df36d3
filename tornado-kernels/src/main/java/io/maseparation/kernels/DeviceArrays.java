package io.maseparation.kernels;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Makes arrays that go to devices: each has pages of memory of its own.
 *
 * <p>TornadoVM's backends for NVIDIA pin an array's pages. Where another array ends or begins on one of them, the
 * driver takes that array for one that reaches beyond what is pinned and refuses to copy it; TornadoVM 5.2 prints the
 * error and goes on without the copy.
 *
 * <p>Arrays are freed when nothing refers to them any more, which the garbage collector finds out in its own time: it
 * does not see how much they hold. Those made in an {@link ArrayMemory} are freed when that is closed.
 */
public final class DeviceArrays {
    /** Bytes of the largest pages in use, and of several where pages are smaller. */
    private static final long PAGE = 64 << 10;

    private static final long CACHE_LINE = 64;

    /**
     * Most bytes that an array takes beside its elements: the rest of its last page, and what it takes to begin at a
     * page.
     */
    public static final long MOST_BESIDE = 2 * PAGE;

    private DeviceArrays() {}

    /** Zeros. */
    public static FloatArray floats(int elements) {
        return FloatArray.fromSegmentShallow(pages(elements, Float.BYTES));
    }

    /** Zeros. */
    public static IntArray ints(int elements) {
        return IntArray.fromSegmentShallow(pages(elements, Integer.BYTES));
    }

    /** Zeros. */
    public static HalfFloatArray halves(int elements) {
        return HalfFloatArray.fromSegmentShallow(pages(elements, Short.BYTES));
    }

    /** Zeros of a format. */
    public static TornadoNativeArray of(DataType type, int elements) {
        return switch (type) {
            case F32 -> floats(elements);
            case F16 -> halves(elements);
            case BF16 -> BFloat16Array.fromSegmentShallow(pages(elements, Short.BYTES));
        };
    }

    /** The given values. */
    public static FloatArray copyOf(float... values) {
        FloatArray array = floats(values.length);
        MemorySegment.copy(MemorySegment.ofArray(values), 0, array.getSegment(), 0, 4L * values.length);
        return array;
    }

    /** The given values. */
    public static IntArray copyOf(int... values) {
        IntArray array = ints(values.length);
        MemorySegment.copy(MemorySegment.ofArray(values), 0, array.getSegment(), 0, 4L * values.length);
        return array;
    }

    /**
     * Memory for an array made with {@code fromSegmentShallow}: header and elements, which begin at a cache line.
     *
     * @param bytes of the elements
     */
    public static MemorySegment pages(long bytes) {
        long start = CACHE_LINE - TornadoNativeArray.ARRAY_HEADER;
        long size = Math.ceilDiv(CACHE_LINE + bytes, PAGE) * PAGE;
        return ArrayMemory.allocate(size, PAGE)
                .asSlice(start, TornadoNativeArray.ARRAY_HEADER + bytes);
    }

    private static MemorySegment pages(int elements, int elementBytes) {
        if (elements < 0) {
            throw new IllegalArgumentException("an array of " + elements + " elements");
        }
        return pages((long) elements * elementBytes);
    }
}
