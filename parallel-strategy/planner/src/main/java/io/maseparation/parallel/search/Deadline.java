package io.maseparation.parallel.search;

import java.time.Duration;

/**
 * The time that a search may take.
 *
 * @param start when it began, by {@link System#nanoTime}
 * @param nanos how long it may take; 0 for no limit
 */
public record Deadline(long start, long nanos) {
    /** No limit. */
    public static final Deadline NEVER = new Deadline(0, 0);

    /**
     * {@return a limit that begins now}
     *
     * @param limit how long it is, above 0
     */
    public static Deadline in(Duration limit) {
        return new Deadline(System.nanoTime(), Math.max(1, limit.toNanos()));
    }

    /** {@return whether there is a limit} */
    public boolean exists() {
        return nanos > 0;
    }

    /** Whether this share of the time is used up. */
    boolean passed(double share) {
        return exists() && System.nanoTime() - start > share * nanos;
    }
}
