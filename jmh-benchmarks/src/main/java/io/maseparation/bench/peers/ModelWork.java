package io.maseparation.bench.peers;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.compare.RandomPrompts;
import java.util.List;

/**
 * What a whole model is measured at.
 *
 * @param name in the table
 * @param sequences sequences at once
 * @param prompt tokens of each prompt
 * @param steps decode steps after it, which are what is measured; 0 where the prompt is
 */
record ModelWork(String name, int sequences, int prompt, int steps) {
    private static final int SEED = 1;

    /** All that the table has. */
    static final List<ModelWork> ALL = List.of(
            new ModelWork("prefill of 512 tokens", 1, 512, 0),
            new ModelWork("decode, 1 sequence", 1, 16, 32),
            new ModelWork("decode, 8 sequences", 8, 16, 16));

    /** Token ids, uniformly random. */
    List<int[]> prompts(ModelConfig config) {
        return RandomPrompts.of(sequences, prompt, config.vocab(), SEED);
    }

    /** Tokens that are generated for each sequence: the first one follows the prompt. */
    int generated() {
        return steps + 1;
    }

    /** Tokens of what is measured. */
    int tokens() {
        return sequences * (steps == 0 ? prompt : steps);
    }
}
