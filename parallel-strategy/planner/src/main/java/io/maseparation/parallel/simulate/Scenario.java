package io.maseparation.parallel.simulate;

import io.maseparation.kernels.DataType;
import io.maseparation.parallel.cluster.Launch;

/**
 * What is simulated beside plan and cluster: decode steps of a batch whose sequences all have the same context, and
 * optionally the prefill of their prompts.
 *
 * @param batch sequences over all ranks
 * @param context positions that each new token attends to, itself included
 * @param launch how operations are started
 * @param collectives which measured tables: "nccl" or "custom"
 * @param routing how rows choose experts
 * @param seed of the routing
 * @param steps decode steps measured, after the warm-up
 * @param warmup decode steps before those
 * @param lmHead whether final norm and logits count
 * @param kvType format of the KV cache
 * @param activationBytes bytes of one activation, in memory and on the wire: 2 or 4
 * @param prefillChunk prompt tokens of one prefill step, rank and micro-batch; 0 to leave the prefill out
 */
public record Scenario(
        int batch,
        int context,
        Launch launch,
        String collectives,
        RoutingModel routing,
        long seed,
        int steps,
        int warmup,
        boolean lmHead,
        DataType kvType,
        int activationBytes,
        int prefillChunk) {

    /** Steps measured where nothing else is asked for. */
    public static final int DEFAULT_STEPS = 16;

    /** Decode of 16-bit activations and KV cache, graph launches, custom collectives, uniform routing, LM head counted. */
    public static Scenario decode(int batch, int context) {
        return new Scenario(batch, context, Launch.GRAPH, "custom", RoutingModel.uniform(), 0, DEFAULT_STEPS, 2, true,
                DataType.F16, 2, 0);
    }

    /** The same with other launches; collectives are the kind that goes with them. */
    public Scenario withLaunch(Launch other) {
        return new Scenario(batch, context, other, other == Launch.GRAPH ? "custom" : "nccl", routing, seed, steps,
                warmup, lmHead, kvType, activationBytes, prefillChunk);
    }

    /** The same with other collectives. */
    public Scenario withCollectives(String other) {
        return new Scenario(batch, context, launch, other, routing, seed, steps, warmup, lmHead, kvType,
                activationBytes, prefillChunk);
    }

    /** The same with another routing. */
    public Scenario withRouting(RoutingModel other, long otherSeed) {
        return new Scenario(batch, context, launch, collectives, other, otherSeed, steps, warmup, lmHead, kvType,
                activationBytes, prefillChunk);
    }

    /** The same with another number of decode steps. */
    public Scenario withSteps(int measured, int before) {
        return new Scenario(batch, context, launch, collectives, routing, seed, measured, before, lmHead, kvType,
                activationBytes, prefillChunk);
    }

    /** The same with or without final norm and logits. */
    public Scenario withLmHead(boolean counted) {
        return new Scenario(batch, context, launch, collectives, routing, seed, steps, warmup, counted, kvType,
                activationBytes, prefillChunk);
    }

    /** The same with other formats of KV cache and activations. */
    public Scenario withFormats(DataType kv, int bytesOfActivation) {
        return new Scenario(batch, context, launch, collectives, routing, seed, steps, warmup, lmHead, kv,
                bytesOfActivation, prefillChunk);
    }

    /** The same with the prefill of prompts as long as the context. */
    public Scenario withPrefill(int chunk) {
        return new Scenario(batch, context, launch, collectives, routing, seed, steps, warmup, lmHead, kvType,
                activationBytes, chunk);
    }
}
