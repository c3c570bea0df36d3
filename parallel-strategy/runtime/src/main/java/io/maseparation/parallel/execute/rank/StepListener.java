package io.maseparation.parallel.execute.rank;

import org.jspecify.annotations.Nullable;

/**
 * Learns what became of steps. Called on the ranks' threads, which wait for it. What is said of the sequences of a
 * micro-batch is complete with {@link #batchSampled}.
 */
public interface StepListener {
    /**
     * A token was sampled.
     *
     * @param slot index of the sequence's slot
     * @param index of the token among those generated for the sequence
     * @param token the token
     * @param logits [vocab], where they are kept
     * @param nanos when
     */
    void sampled(int slot, int index, int token, float @Nullable [] logits, long nanos);

    /**
     * No token could be sampled for a sequence, which harms no other one.
     *
     * @param slot index of the sequence's slot
     * @param index of the token among those generated for the sequence
     * @param rank the rank that samples
     * @param cause why
     */
    void failed(int slot, int index, int rank, RuntimeException cause);

    /** All is said of the sequences of a micro-batch, of which there was at least one. */
    void batchSampled();

    /**
     * A step has ended on all ranks.
     *
     * @param step number of the step
     */
    void ended(int step);

    /**
     * A rank's thread has ended with a failure: no step will end any more.
     *
     * @param rank index of the rank
     * @param cause what it threw
     */
    void broken(int rank, Throwable cause);
}
