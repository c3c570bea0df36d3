package io.maseparation.parallel.search;

import java.time.Duration;

/**
 * Until when a search may take.
 *
 * @param start when it began, by {@link System#nanoTime}
 * @param nanos how long it may take; 0 for as long as it takes
 */
public record Deadline(long start, long nanos) {
    /** There is none. */
    public static final Deadline NEVER = new Deadline(0, 0);

    /**
     * {@return the end of a time that begins now}
     *
     * @param limit how long it is, above 0
     */
    public static Deadline in(Duration limit) {
        return new Deadline(System.nanoTime(), Math.max(1, limit.toNanos()));
    }

    /** {@return whether there is one} */
    public boolean exists() {
        return nanos > 0;
    }

    /** Whether a share of the time is over. */
    boolean passed(double share) {
        return exists() && System.nanoTime() - start > share * nanos;
    }
}
