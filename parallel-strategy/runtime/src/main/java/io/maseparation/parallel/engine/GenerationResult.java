package io.maseparation.parallel.engine;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a request, or as much of it as there was when it ended.
 *
 * @param promptIds the prompt
 * @param tokenIds its continuation, with the token that ended it
 * @param text text of the continuation up to the first stop string; empty if the model has no tokenizer
 * @param finish why it ended
 * @param promptLogits logits of the prompt's last position, or null if not asked for
 * @param times how long it took
 */
public record GenerationResult(
        List<Integer> promptIds,
        List<Integer> tokenIds,
        Optional<String> text,
        Finish finish,
        float @Nullable [] promptLogits,
        Times times) {
    /** Copies the lists. */
    public GenerationResult {
        promptIds = List.copyOf(promptIds);
        tokenIds = List.copyOf(tokenIds);
    }

    /**
     * How long a request took, from its submission on, in milliseconds; NaN for what did not come.
     *
     * @param queuedMs until there was room for it
     * @param ttftMs until its first token
     * @param totalMs until its last token
     */
    public record Times(double queuedMs, double ttftMs, double totalMs) {}
}
