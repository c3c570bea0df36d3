package io.maseparation.moe.segments;

/**
 * A piece of the forward pass that stays on one device. Parts that follow each other without a transfer between ranks
 * become one segment, that is one task graph.
 */
public sealed interface Part {

    /** Tokens of the step's rows become activations. */
    record Embed() implements Part {}

    /** Activations received from another pipeline stage become the step's rows. */
    record LoadHidden() implements Part {}

    /** Activations of the step's rows go to the host, for the next pipeline stage. */
    record StoreHidden() implements Part {}

    /**
     * Norm, projections, rotary embedding, KV append, attention and output projection of a layer; complete (added to
     * the residual) where the rank has all heads, otherwise a partial sum for the host.
     */
    record Attention(int layer) implements Part {}

    /**
     * First half of {@link Attention} where a norm over all heads needs sums from the other ranks: up to those sums.
     */
    record AttentionSums(int layer) implements Part {}

    /** Second half of {@link Attention}, after the sums came back complete. */
    record AttentionRest(int layer) implements Part {}

    /** The sum of all ranks' partial outputs, received from the host, is added to the residual. */
    record AddReduced() implements Part {}

    /**
     * Norm and router of a layer.
     *
     * @param export whether the normed activations go to the host, to be sent to expert ranks
     * @param weights whether the weights of the experts go there too, for ranks that sum their experts' outputs
     */
    record Route(int layer, boolean export, boolean weights) implements Part {}

    /**
     * The rank's experts of a layer.
     *
     * @param received whether they work on rows received from other ranks (results go to the host) or on the rank's own
     * @param sums whether the result is the weighted sum of a received row's experts on this rank, in their order
     */
    record Experts(int layer, boolean received, boolean sums) implements Part {}

    /**
     * Weighted sum over a row's experts, in expert order.
     *
     * @param imported whether the experts' outputs came from other ranks through the host
     * @param partial whether the result is a partial sum for the host instead of being added to the residual
     */
    record Combine(int layer, boolean imported, boolean partial) implements Part {}

    /** Final norm and logits of the rows that end a prompt or decode. */
    record Output() implements Part {}
}
