package io.maseparation.kernels;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory for large arrays on Linux, straight from the system: zeros that take no time to make, since a page is there
 * when it is first touched, by whichever thread does that; in huge pages where the system gives them
 * ({@code /sys/kernel/mm/transparent_hugepage/enabled} is {@code madvise} or {@code always}), which take a five
 * hundredth of the faults and of the entries of the processor's page tables. An arena zeroes what it gives out, on one
 * thread.
 *
 * <p>The JVM has to allow native access ({@code --enable-native-access}); without that, and elsewhere, arrays come from
 * arenas.
 */
@SuppressWarnings("restricted")
public final class LargePages {
    /** Arrays from this many bytes on; the last huge page of an array may be half empty. */
    public static final long LEAST = 8L << 20;

    private static final long HUGE = 2L << 20;
    private static final int READ_AND_WRITE = 3;
    private static final int PRIVATE_AND_ANONYMOUS = 0x22;
    private static final int WANT_HUGE_PAGES = 14;
    private static final long FAILED = -1;

    private static final AtomicLong MAPPED = new AtomicLong();

    private LargePages() {}

    /** The system's functions, found for the first large array: small models need not wait for that. */
    private record Calls(MethodHandle map, MethodHandle unmap, MethodHandle advise) {
        private static final Optional<Calls> FOUND = find();

        static Optional<Calls> find() {
            boolean linux = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).equals("linux");
            boolean allowed = LargePages.class.getModule().isNativeAccessEnabled();
            if (!linux || !allowed || ValueLayout.ADDRESS.byteSize() != Long.BYTES) {
                return Optional.empty();
            }
            Linker linker = Linker.nativeLinker();
            SymbolLookup lookup = linker.defaultLookup();
            AddressLayout pointer = ValueLayout.ADDRESS;
            ValueLayout.OfInt number = ValueLayout.JAVA_INT;
            ValueLayout.OfLong size = ValueLayout.JAVA_LONG;
            return lookup.find("mmap").flatMap(map -> lookup.find("munmap")
                    .flatMap(unmap -> lookup.find("madvise").map(advise -> new Calls(
                            linker.downcallHandle(
                                    map, FunctionDescriptor.of(size, pointer, size, number, number, number, size)),
                            linker.downcallHandle(unmap, FunctionDescriptor.of(number, size, size)),
                            linker.downcallHandle(advise, FunctionDescriptor.of(number, size, size, number))))));
        }

        private static long call(MethodHandle function, Object... arguments) {
            return ((Number) NativeCall.of(function, arguments)).longValue();
        }

        long map(long bytes) {
            return call(map, MemorySegment.NULL, bytes, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
        }

        void unmap(long address, long bytes) {
            call(unmap, address, bytes);
        }

        void wantHugePages(long address, long bytes) {
            call(advise, address, bytes, WANT_HUGE_PAGES);
        }
    }

    /** {@return bytes of arrays from here that are in use, whether their pages have been touched or not} */
    public static long bytes() {
        return MAPPED.get();
    }

    /**
     * Zeros that begin at a huge page, and are given back to the system when their arena frees them.
     *
     * @param bytes how many, at least {@link #LEAST}
     * @param arena what frees them
     * @return the memory; empty where there is none of this kind
     */
    public static Optional<MemorySegment> allocate(long bytes, Arena arena) {
        if (bytes < LEAST || Calls.FOUND.isEmpty()) {
            return Optional.empty();
        }
        Calls calls = Calls.FOUND.get();
        long mapped = bytes + HUGE;
        long address = calls.map(mapped);
        if (address == FAILED) {
            return Optional.empty();
        }
        MAPPED.addAndGet(bytes);
        long start = (address + HUGE - 1) / HUGE * HUGE;
        calls.wantHugePages(start, bytes);
        return Optional.of(MemorySegment.ofAddress(start).reinterpret(bytes, arena, segment -> {
            calls.unmap(address, mapped);
            MAPPED.addAndGet(-bytes);
        }));
    }
}
