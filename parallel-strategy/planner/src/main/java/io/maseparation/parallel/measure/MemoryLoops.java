package io.maseparation.parallel.measure;

import io.maseparation.kernels.LargePages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Reads and copies memory as fast as a core can, for the bounds that kernels are held against: in huge pages where the
 * system gives them, and at several places at once, since a processor fetches ahead at each of them by itself. For one
 * thread; it needs the module jdk.incubator.vector.
 */
public final class MemoryLoops {
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    private static final int WIDTH = LONGS.vectorByteSize();
    /** Vectors that are read in a turn of the loop. */
    private static final int VECTORS = 8;
    /** Bytes that a call reads: between two readings of the clock that takes microseconds. */
    private static final int PIECE = 1 << 16;
    /** Streams are this much less than an equal share of the memory apart, so as not to meet in one DRAM bank. */
    private static final int SKEW = 17 << 12;

    private final MemorySegment data;
    private final long[] at = new long[VECTORS];
    private int next;
    private long copied;

    /**
     * Allocates the memory and touches all of it.
     *
     * @param arena what frees it
     * @param bytes how many, at least 16 MiB: more than caches hold
     * @throws IllegalArgumentException if they are fewer
     */
    public MemoryLoops(Arena arena, long bytes) {
        if (bytes < 16L << 20) {
            throw new IllegalArgumentException("bytes: %d, expected at least 16 MiB".formatted(bytes));
        }
        data = LargePages.allocate(bytes, arena).orElseGet(() -> arena.allocate(bytes, 64));
        data.fill((byte) 1);
    }

    /**
     * Reads the next piece of the memory, beginning anew when it is through.
     *
     * @param streams places that are read in turn: 1, 2, 4 or 8
     * @return bytes that were read
     * @throws IllegalArgumentException if there are other than that many
     */
    public long read(int streams) {
        if (streams < 1 || streams > VECTORS || Integer.bitCount(streams) != 1) {
            throw new IllegalArgumentException("streams: %d, expected 1, 2, 4 or 8".formatted(streams));
        }
        long distance = data.byteSize() / streams - (streams == 1 ? 0 : SKEW);
        int each = PIECE / streams;
        if ((next + 1L) * each > distance) {
            next = 0;
        }
        int together = VECTORS / streams;
        for (int i = 0; i < VECTORS; i++) {
            at[i] = i / together * distance + (long) next * each + (long) i % together * WIDTH;
        }
        next++;
        long sum = sum(data, at, together * WIDTH, PIECE / (VECTORS * WIDTH));
        return sum == Long.MIN_VALUE ? 0 : PIECE;
    }

    /**
     * Copies the next piece of the first half of the memory to the second.
     *
     * @return bytes that were read and written, each counted
     */
    public long copy() {
        long half = data.byteSize() / 2;
        if (copied + PIECE > half) {
            copied = 0;
        }
        MemorySegment.copy(data, copied, data, half + copied, PIECE);
        copied += PIECE;
        return 2L * PIECE;
    }

    /** Sum of vectors at eight places, each of which moves on by a step. */
    private static long sum(MemorySegment data, long[] at, int step, int turns) {
        long a0 = at[0];
        long a1 = at[1];
        long a2 = at[2];
        long a3 = at[3];
        long a4 = at[4];
        long a5 = at[5];
        long a6 = at[6];
        long a7 = at[7];
        LongVector s0 = LongVector.zero(LONGS);
        LongVector s1 = s0;
        LongVector s2 = s0;
        LongVector s3 = s0;
        for (int turn = 0; turn < turns; turn++) {
            long by = (long) turn * step;
            s0 = s0.add(load(data, a0 + by)).add(load(data, a4 + by));
            s1 = s1.add(load(data, a1 + by)).add(load(data, a5 + by));
            s2 = s2.add(load(data, a2 + by)).add(load(data, a6 + by));
            s3 = s3.add(load(data, a3 + by)).add(load(data, a7 + by));
        }
        LongVector all = s0.add(s1).add(s2.add(s3));
        long sum = 0;
        for (int lane = 0; lane < LONGS.length(); lane++) {
            sum += all.lane(lane);
        }
        return sum;
    }

    private static LongVector load(MemorySegment data, long at) {
        return LongVector.fromMemorySegment(LONGS, data, at, ByteOrder.nativeOrder());
    }
}
