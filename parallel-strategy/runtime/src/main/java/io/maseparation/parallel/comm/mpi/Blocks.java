package io.maseparation.parallel.comm.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

/** Memory outside the heap for messages, used again and again. Safe for use by any number of threads. */
final class Blocks {
    private static final long WORDS = 32;
    private static final int LEAST_LOG = 9;
    private static final int MOST_LOG = 32;

    private final Arena arena = Arena.ofAuto();
    private final List<Queue<MemorySegment>> free =
            IntStream.rangeClosed(0, MOST_LOG).<Queue<MemorySegment>>mapToObj(i -> new ConcurrentLinkedQueue<>())
                    .toList();

    /**
     * Memory of one transfer.
     *
     * @param whole of a power of two
     * @param words what MPI notes of the transfer
     * @param message the message
     */
    record Block(MemorySegment whole, MemorySegment words, MemorySegment message) {}

    /** A block for a message of so many bytes. */
    Block take(long bytes) {
        int log = Math.max(LEAST_LOG, 64 - Long.numberOfLeadingZeros(WORDS + bytes - 1));
        MemorySegment whole = free.get(log).poll();
        if (whole == null) {
            whole = arena.allocate(1L << log, Long.BYTES);
        }
        return new Block(whole, whole.asSlice(0, WORDS), whole.asSlice(WORDS, bytes));
    }

    /** Nobody uses the block any more. */
    void give(Block block) {
        free.get(63 - Long.numberOfLeadingZeros(block.whole.byteSize())).add(block.whole);
    }
}
