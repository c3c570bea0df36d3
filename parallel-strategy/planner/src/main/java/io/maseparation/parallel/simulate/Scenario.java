package io.maseparation.parallel.simulate;

/**
 * What is simulated on a cluster with a plan: decode steps of a batch of sequences with the same context, and
 * optionally the prefill of their prompts.
 *
 * @param batch sequences over all ranks
 * @param context positions that each new token attends to, itself included
 * @param conditions launches, formats and collectives
 * @param routing how rows choose experts
 * @param seed seed of the routing
 * @param steps decode steps measured, after the warm-up
 * @param warmup decode steps before those
 * @param prefillChunk prompt tokens per prefill step, rank and micro-batch; 0 to leave the prefill out
 */
public record Scenario(
        int batch,
        int context,
        Conditions conditions,
        RoutingModel routing,
        long seed,
        int steps,
        int warmup,
        int prefillChunk) {

    /** Default of {@code steps}. */
    public static final int DEFAULT_STEPS = 16;

    /**
     * {@return decode steps under the usual conditions with uniform routing}
     *
     * @param batch number of sequences
     * @param context positions that each new token attends to, itself included
     */
    public static Scenario decode(int batch, int context) {
        return new Scenario(batch, context, Conditions.USUAL, RoutingModel.uniform(), 0, DEFAULT_STEPS, 2, 0);
    }

    /**
     * {@return the same scenario for another batch and context}
     *
     * @param otherBatch number of sequences
     * @param otherContext positions that each new token attends to, itself included
     */
    public Scenario with(int otherBatch, int otherContext) {
        return new Scenario(otherBatch, otherContext, conditions, routing, seed, steps, warmup, prefillChunk);
    }

    /**
     * {@return the same scenario under other conditions}
     *
     * @param other the conditions
     */
    public Scenario with(Conditions other) {
        return new Scenario(batch, context, other, routing, seed, steps, warmup, prefillChunk);
    }

    /**
     * {@return the same scenario with another routing}
     *
     * @param other the routing
     * @param otherSeed its seed
     */
    public Scenario withRouting(RoutingModel other, long otherSeed) {
        return new Scenario(batch, context, conditions, other, otherSeed, steps, warmup, prefillChunk);
    }

    /**
     * {@return the same scenario with other numbers of decode steps}
     *
     * @param measured steps that are measured
     * @param before steps of the warm-up
     */
    public Scenario withSteps(int measured, int before) {
        return new Scenario(batch, context, conditions, routing, seed, measured, before, prefillChunk);
    }

    /**
     * {@return the same scenario with the prefill of prompts as long as the context}
     *
     * @param chunk prompt tokens per prefill step, rank and micro-batch; 0 to leave the prefill out
     */
    public Scenario withPrefill(int chunk) {
        return new Scenario(batch, context, conditions, routing, seed, steps, warmup, chunk);
    }
}
