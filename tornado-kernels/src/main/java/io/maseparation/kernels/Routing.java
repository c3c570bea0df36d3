package io.maseparation.kernels;

/**
 * How a router turns the scores of one row into expert slots.
 *
 * <p>A row has {@link #slots()} slots: the chosen experts in ascending expert index (sums over experts are taken in
 * that order, whatever the layout), then, where the layer has one, the extra expert (a shared expert, or the dense
 * feed-forward of a layer without routing), whose index is {@code experts}.
 *
 * @param experts routed experts of the layer; 0 for a dense layer
 * @param topK experts a row is sent to
 * @param rule order of softmax and selection
 * @param renormalise whether the chosen probabilities are divided by their sum (after SOFTMAX_THEN_TOP_K)
 * @param extra the extra expert and its weight
 */
public record Routing(int experts, int topK, Rule rule, boolean renormalise, Extra extra) {

    /** Order of softmax and selection. */
    public enum Rule {
        /** Softmax over all experts, then the k largest (mixtral, olmoe, qwen). */
        SOFTMAX_THEN_TOP_K,
        /** The k largest scores, then softmax over those (granite). */
        TOP_K_THEN_SOFTMAX
    }

    /** Weight of the expert that every row visits. */
    public enum Extra {
        /** There is none. */
        NONE,
        /** Weight 1: a dense layer, or a shared expert without a gate. */
        ALWAYS,
        /** Weight sigmoid(h · gate) (qwen2_moe). */
        SIGMOID_GATE
    }

    public Routing {
        if (experts < 0 || topK < 0 || topK > experts) {
            throw new IllegalArgumentException("top-%d of %d experts".formatted(topK, experts));
        }
    }

    /** Expert slots of one row. */
    public int slots() {
        return topK + (extra == Extra.NONE ? 0 : 1);
    }
}
