package io.maseparation.parallel.execute;

import java.util.concurrent.atomic.AtomicLongArray;

/** When each rank last finished an operation, so that a stuck rank is found and named. */
final class Heartbeat {
    private final AtomicLongArray last;

    Heartbeat(int ranks) {
        last = new AtomicLongArray(ranks);
        for (int i = 0; i < ranks; i++) {
            beat(i);
        }
    }

    void beat(int rank) {
        last.set(rank, System.nanoTime());
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
}
