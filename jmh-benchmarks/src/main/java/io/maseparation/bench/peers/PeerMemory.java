package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.LargePages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.List;

/** Memory as peers allocate it: at multiples of cache lines, and in huge pages as this project's arrays are. */
final class PeerMemory {
    private static final long LINE = 64;

    private PeerMemory() {}

    /** Zeros, freed when they are garbage. */
    static MemorySegment zeros(long bytes) {
        Arena arena = Arena.ofAuto();
        return LargePages.allocate(bytes, arena).orElseGet(() -> arena.allocate(bytes, LINE));
    }

    /** A copy. */
    static MemorySegment copy(MemorySegment data) {
        return zeros(data.byteSize()).copyFrom(data);
    }

    /** A copy of fp32 numbers in another format, rounded to the nearest. */
    static MemorySegment copy(MemorySegment floats, DataType type) {
        if (type == DataType.F32) {
            return copy(floats);
        }
        long n = floats.byteSize() / Float.BYTES;
        MemorySegment copy = zeros(n * type.bytes());
        for (long i = 0; i < n; i++) {
            float v = floats.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            short bits = type == DataType.F16 ? Float.floatToFloat16(v) : brain(v);
            copy.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
        }
        return copy;
    }

    /** Numbers of a format as fp32. */
    static void widen(MemorySegment data, DataType type, MemorySegment floats) {
        if (type == DataType.F32) {
            floats.copyFrom(data);
            return;
        }
        long n = floats.byteSize() / Float.BYTES;
        for (long i = 0; i < n; i++) {
            short bits = data.getAtIndex(ValueLayout.JAVA_SHORT, i);
            float v = type == DataType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
            floats.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, v);
        }
    }

    /** Work on memory that is not garbage until the work is. */
    static Runnable keeping(List<MemorySegment> memory, Runnable work) {
        return () -> {
            try {
                work.run();
            } finally {
                Reference.reachabilityFence(memory);
            }
        };
    }

    /** bf16 of a finite number. */
    private static short brain(float v) {
        int bits = Float.floatToRawIntBits(v);
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
