package io.maseparation.parallel.engine;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.KvCache;
import io.maseparation.parallel.run.Workload;

/**
 * What an engine has room for. All of it is allocated at the start, and nothing afterwards.
 *
 * @param sequences most requests that run at once, over all ranks
 * @param kvPositions positions of the KV cache of each attention rank, made up to whole blocks of {@link
 *     KvCache#BLOCK}: each request on it has blocks for the positions that it has reached
 * @param stepTokens most prompt tokens that each attention rank takes in at once, in each micro-batch: with fewer,
 *     those who have their first token wait less for the prompts of others
 * @param queue most requests that wait until there is room for them
 */
public record EngineLimits(int sequences, int kvPositions, int stepTokens, int queue) {
    /**
     * Checks the numbers.
     *
     * @throws ModelException naming the one that is below 1
     */
    public EngineLimits {
        atLeastOne("sequences", sequences);
        atLeastOne("kv_positions", kvPositions);
        atLeastOne("step_tokens", stepTokens);
        atLeastOne("queue", queue);
    }

    private static void atLeastOne(String name, int value) {
        if (value < 1) {
            throw new ModelException("'%s' must be at least 1, is %d".formatted(name, value));
        }
    }

    /**
     * {@return limits with prompts in chunks of 256 tokens, and a queue of 1024}
     *
     * @param sequences most requests that run at once
     * @param kvPositions positions of the KV cache of each attention rank
     */
    public static EngineLimits of(int sequences, int kvPositions) {
        return new EngineLimits(sequences, kvPositions, Workload.DEFAULT_PREFILL_CHUNK, 1024);
    }

    /**
     * {@return the same with other chunks of prompts}
     *
     * @param tokens most prompt tokens that a rank takes in at once
     */
    public EngineLimits withStepTokens(int tokens) {
        return new EngineLimits(sequences, kvPositions, tokens, queue);
    }

    /**
     * {@return the same with another queue}
     *
     * @param requests most requests that wait
     */
    public EngineLimits withQueue(int requests) {
        return new EngineLimits(sequences, kvPositions, stepTokens, requests);
    }
}
