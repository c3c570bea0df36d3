package io.maseparation.parallel.engine;

import org.jspecify.annotations.Nullable;

/** Takes what a sequence generates. Called on the thread of the {@link StepLoop}, so it must not wait. */
public interface Recipient {
    /** The sequence leaves the queue; it may do so again after it had to make room for an older one. */
    void started();

    /**
     * A token. What it throws ends the sequence with {@link #failed}.
     *
     * @param token the token
     * @param logits [vocab] of the prompt's last position, with the first token where they are kept
     * @param nanos when it was sampled
     * @return whether the sequence ends here, before it has all its tokens
     */
    boolean token(int token, float @Nullable [] logits, long nanos);

    /**
     * The sequence has ended.
     *
     * @param finish why
     */
    void ended(Finish finish);

    /**
     * The sequence has ended with a failure. What this throws ends the loop.
     *
     * @param rank the rank that could not sample a token; −1 for none
     * @param cause what happened
     */
    void failed(int rank, RuntimeException cause);
}
