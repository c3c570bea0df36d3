package io.maseparation.parallel.execute;

/**
 * A segment that ran.
 *
 * @param rank rank
 * @param segment name of the segment
 * @param microBatch micro-batch
 * @param step step since the start of the run
 * @param prefill whether the step took prompt tokens in
 * @param startNanos System.nanoTime at its start
 * @param endNanos System.nanoTime at its end
 */
public record TimelineEvent(
        int rank, String segment, int microBatch, int step, boolean prefill, long startNanos, long endNanos) {}
