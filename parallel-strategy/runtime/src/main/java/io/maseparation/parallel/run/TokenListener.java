package io.maseparation.parallel.run;

/** Sees the tokens of a run as they come, on the thread that the run was started from. */
@FunctionalInterface
public interface TokenListener {
    /**
     * A token was generated. What this throws ends the run.
     *
     * @param sequence index of the sequence
     * @param token the token
     */
    void token(int sequence, int token);

    /**
     * A sequence has ended.
     *
     * @param sequence index of the sequence
     */
    default void ended(int sequence) {}
}
