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
    /** Most sequences, tokens of a step and requests that wait: sums of them are counted in ints. */
    private static final int MOST = 1_000_000;

    /**
     * Checks the numbers.
     *
     * @throws ModelException naming the one that is below 1 or, but for the positions, above a million
     */
    public EngineLimits {
        check("sequences", sequences, MOST);
        check("kv_positions", kvPositions, Integer.MAX_VALUE);
        check("step_tokens", stepTokens, MOST);
        check("queue", queue, MOST);
    }

    private static void check(String name, int value, int most) {
        if (value < 1) {
            throw new ModelException("'%s' must be at least 1, is %d".formatted(name, value));
        }
        if (value > most) {
            throw new ModelException("'%s' must be at most %d, is %d".formatted(name, most, value));
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
