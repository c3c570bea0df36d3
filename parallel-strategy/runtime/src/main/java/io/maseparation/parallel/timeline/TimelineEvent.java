package io.maseparation.parallel.timeline;

/**
 * Something that a rank did, measured or simulated.
 *
 * @param rank rank
 * @param stream which of the rank's streams
 * @param name name of the segment, or what was transferred
 * @param microBatch micro-batch
 * @param step step since the start of the run
 * @param prefill whether the step processed prompt tokens
 * @param startNanos start, on a clock that all events of a timeline share
 * @param endNanos end
 */
public record TimelineEvent(
        int rank, Stream stream, String name, int microBatch, int step, boolean prefill, long startNanos,
        long endNanos) {

    /** Prefix of the names of events that only waited for messages. */
    public static final String WAIT = "wait: ";

    /** {@return whether nothing was done but waiting} */
    public boolean waits() {
        return name.startsWith(WAIT);
    }

    /** One of the activities that a rank overlaps. */
    public enum Stream {
        /** Kernels. */
        COMPUTE,
        /** Transfers and collectives. */
        TRANSFER
    }
}
