package io.maseparation.parallel.simulate;

/**
 * What is simulated besides plan and cluster: decode steps of a batch whose sequences all have the same context, and
 * optionally the prefill of their prompts.
 *
 * @param batch sequences over all ranks
 * @param context positions that each new token attends to, itself included
 * @param conditions launches, formats and collectives
 * @param routing how rows choose experts
 * @param seed of the routing
 * @param steps decode steps measured, after the warm-up
 * @param warmup decode steps before those
 * @param prefillChunk prompt tokens of one prefill step, rank and micro-batch; 0 to leave the prefill out
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

    /** Steps measured where nothing else is asked for. */
    public static final int DEFAULT_STEPS = 16;

    /** Decode under the usual conditions with uniform routing. */
    public static Scenario decode(int batch, int context) {
        return new Scenario(batch, context, Conditions.USUAL, RoutingModel.uniform(), 0, DEFAULT_STEPS, 2, 0);
    }

    /** The same for another batch and context. */
    public Scenario with(int otherBatch, int otherContext) {
        return new Scenario(otherBatch, otherContext, conditions, routing, seed, steps, warmup, prefillChunk);
    }

    /** The same under other conditions. */
    public Scenario with(Conditions other) {
        return new Scenario(batch, context, other, routing, seed, steps, warmup, prefillChunk);
    }

    /** The same with another routing. */
    public Scenario withRouting(RoutingModel other, long otherSeed) {
        return new Scenario(batch, context, conditions, other, otherSeed, steps, warmup, prefillChunk);
    }

    /** The same with another number of decode steps. */
    public Scenario withSteps(int measured, int before) {
        return new Scenario(batch, context, conditions, routing, seed, measured, before, prefillChunk);
    }

    /** The same with the prefill of prompts as long as the context. */
    public Scenario withPrefill(int chunk) {
        return new Scenario(batch, context, conditions, routing, seed, steps, warmup, chunk);
    }
}
