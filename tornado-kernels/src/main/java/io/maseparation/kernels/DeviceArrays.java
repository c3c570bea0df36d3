package io.maseparation.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
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
 * does not see how much they hold. Those made {@link #within} an arena, as in an {@link ArrayMemory}, are freed
 * when that is closed, and say so to whoever uses them afterwards.
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

    /** What frees the arrays that this thread makes. */
    private static final ScopedValue<Arena> OWNER = ScopedValue.newInstance();

    private DeviceArrays() {}

    /**
     * {@return what something makes, whose arrays belong to an arena, as far as this thread makes them}
     *
     * @param arena frees the arrays when it is closed
     * @param make makes them
     */
    public static <T> T within(Arena arena, Supplier<T> make) {
        return ScopedValue.where(OWNER, arena).call(make::get);
    }

    /** {@return the arena that arrays of this thread belong to: that of {@link #within}, or else a new one that frees
     * itself} */
    public static Arena arena() {
        return OWNER.isBound() ? OWNER.get() : Arena.ofAuto();
    }

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
        return of(type, elements, arena());
    }

    /** Zeros of a format, for whoever makes them on several threads. */
    public static TornadoNativeArray of(DataType type, int elements, Arena arena) {
        MemorySegment segment = pages(elements, type.bytes(), arena);
        return switch (type) {
            case F32 -> FloatArray.fromSegmentShallow(segment);
            case F16 -> HalfFloatArray.fromSegmentShallow(segment);
            case BF16 -> BFloat16Array.fromSegmentShallow(segment);
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
        return pages(bytes, arena());
    }

    private static MemorySegment pages(long bytes, Arena arena) {
        long start = CACHE_LINE - TornadoNativeArray.ARRAY_HEADER;
        long size = Math.ceilDiv(CACHE_LINE + bytes, PAGE) * PAGE;
        return LargePages.allocate(size, arena)
                .orElseGet(() -> arena.allocate(size, PAGE))
                .asSlice(start, TornadoNativeArray.ARRAY_HEADER + bytes);
    }

    private static MemorySegment pages(int elements, int elementBytes) {
        return pages(elements, elementBytes, arena());
    }

    private static MemorySegment pages(int elements, int elementBytes, Arena arena) {
        if (elements < 0) {
            throw new IllegalArgumentException("an array of " + elements + " elements");
        }
        return pages((long) elements * elementBytes, arena);
    }
}
