package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** What each rank is doing and when it last finished an operation, so that a stuck rank is found and named. */
public final class Heartbeat {
    private final AtomicLongArray last;
    private final AtomicReferenceArray<Op> current;

    /**
     * All ranks wait.
     *
     * @param ranks number of ranks
     */
    public Heartbeat(int ranks) {
        last = new AtomicLongArray(ranks);
        current = new AtomicReferenceArray<>(ranks);
        for (int i = 0; i < ranks; i++) {
            waits(i);
        }
    }

    /** A rank starts an operation. */
    void starts(int rank, Op op) {
        current.set(rank, op);
    }

    /** A rank finished an operation. */
    void finished(int rank) {
        last.set(rank, System.nanoTime());
    }

    /** A rank waits for others. */
    void waits(int rank) {
        current.set(rank, null);
        finished(rank);
    }

    /** Nanoseconds since any rank finished an operation. */
    long silence() {
        long now = System.nanoTime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < last.length(); i++) {
            least = Math.min(least, now - last.get(i));
        }
        return least;
    }

    /** The ranks that do not wait for others, and what they are doing. */
    String busyRanks() {
        List<String> busy = new ArrayList<>();
        for (int rank = 0; rank < current.length(); rank++) {
            Op op = current.get(rank);
            if (op != null) {
                busy.add("rank " + rank + " in " + op);
            }
        }
        return busy.isEmpty() ? "all ranks wait for each other" : String.join(", ", busy);
    }
}
