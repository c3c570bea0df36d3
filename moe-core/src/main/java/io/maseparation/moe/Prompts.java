package io.maseparation.moe;

/** Checks of token sequences against a model. */
public final class Prompts {
    private Prompts() {}

    /**
     * Checks that a prompt can be continued.
     *
     * @param config the model
     * @param prompt token ids
     * @param newTokens output tokens wanted
     * @throws ModelException if the prompt is empty, has ids outside the vocabulary, or is with its continuation longer
     *     than the model's context
     */
    public static void require(ModelConfig config, int[] prompt, int newTokens) {
        if (prompt.length == 0) {
            throw new ModelException("the prompt is empty; it needs at least one token");
        }
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= config.vocab()) {
                throw new ModelException("prompt id %d at position %d is outside the vocabulary of %d tokens"
                        .formatted(prompt[i], i, config.vocab()));
            }
        }
        if ((long) prompt.length + newTokens > config.maxPositions()) {
            throw new ModelException(
                    "a prompt of %d tokens and %d new ones are more than the model's context of %d tokens"
                            .formatted(prompt.length, newTokens, config.maxPositions()));
        }
    }
}
