package io.maseparation.parallel.run;

/** Sees the logits that tokens are sampled from. Called on the ranks' threads. */
@FunctionalInterface
public interface LogitsListener {
    /**
     * A token is about to be sampled.
     *
     * @param sequence index of the sequence
     * @param index of the token among those generated for it
     * @param logits [vocab]; the listener may keep it
     */
    void sampled(int sequence, int index, float[] logits);
}
