package io.maseparation.parallel.engine;

import io.maseparation.files.ModelException;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.Sampler;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What to generate. Immutable, so that it can be submitted any number of times, to any engine.
 *
 * @param prompt token ids, a text or a conversation
 * @param maxTokens most tokens to generate, at least 1
 * @param sampler how they are chosen; its seed is this request's own
 * @param stops strings that end the answer where they first appear; the model must have a tokenizer then
 * @param ignoreEos whether to go on after an end-of-sequence token
 * @param promptLogits whether to keep the logits of the prompt's last position
 * @param timeout time from the submission on after which it ends with the tokens it has
 * @param onToken called with each token, on a virtual thread of this request's own: it may take its time, and what it
 *     throws ends this request alone
 */
public record GenerationRequest(
        Prompt prompt,
        int maxTokens,
        Sampler sampler,
        List<String> stops,
        boolean ignoreEos,
        boolean promptLogits,
        Optional<Duration> timeout,
        Optional<Consumer<GeneratedToken>> onToken) {

    /** What is continued. */
    public sealed interface Prompt {
        /**
         * Token ids.
         *
         * @param tokens token ids, at least one
         */
        record Ids(List<Integer> tokens) implements Prompt {
            /** Copies the list. */
            public Ids {
                tokens = List.copyOf(tokens);
            }
        }

        /**
         * A text, which the model's tokenizer encodes.
         *
         * @param text the text
         */
        record Text(String text) implements Prompt {
            /** Refuses what is missing. */
            public Text {
                Objects.requireNonNull(text, "text");
            }
        }

        /**
         * A conversation, in the words of the model's chat template and ready for an answer.
         *
         * @param messages the turns so far
         */
        record Chat(List<ChatTemplate.Message> messages) implements Prompt {
            /** Copies the list. */
            public Chat {
                messages = List.copyOf(messages);
            }
        }
    }

    /**
     * Checks what can be checked without a model.
     *
     * @throws ModelException if there is nothing to generate, or no time for it
     */
    public GenerationRequest {
        Objects.requireNonNull(prompt, "prompt");
        Objects.requireNonNull(sampler, "sampler");
        Objects.requireNonNull(timeout, "timeout");
        Objects.requireNonNull(onToken, "onToken");
        stops = List.copyOf(Objects.requireNonNull(stops, "stops"));
        if (maxTokens < 1) {
            throw new ModelException("'max_tokens' must be at least 1, is " + maxTokens);
        }
        timeout.ifPresent(time -> {
            if (!time.isPositive()) {
                throw new ModelException("'timeout' must be more than 0, is " + time);
            }
        });
    }

    private static GenerationRequest of(Prompt prompt) {
        return new GenerationRequest(
                prompt, 16, Sampler.greedy(), List.of(), false, false, Optional.empty(), Optional.empty());
    }

    /**
     * {@return a request of up to 16 tokens, each the most likely one}
     *
     * @param tokens token ids of the prompt, at least one
     */
    public static GenerationRequest ids(int... tokens) {
        return of(new Prompt.Ids(java.util.Arrays.stream(tokens).boxed().toList()));
    }

    /**
     * {@return a request of up to 16 tokens, each the most likely one}
     *
     * @param text the prompt
     */
    public static GenerationRequest text(String text) {
        return of(new Prompt.Text(text));
    }

    /**
     * {@return a request of up to 16 tokens, each the most likely one}
     *
     * @param messages the turns of the conversation so far
     */
    public static GenerationRequest chat(List<ChatTemplate.Message> messages) {
        return of(new Prompt.Chat(messages));
    }

    /**
     * {@return the same with another number of tokens}
     *
     * @param n most tokens to generate, at least 1
     */
    public GenerationRequest withMaxTokens(int n) {
        return new GenerationRequest(prompt, n, sampler, stops, ignoreEos, promptLogits, timeout, onToken);
    }

    /**
     * {@return the same with tokens chosen in another way}
     *
     * @param how all settings, the seed included
     */
    public GenerationRequest withSampler(Sampler how) {
        return new GenerationRequest(prompt, maxTokens, how, stops, ignoreEos, promptLogits, timeout, onToken);
    }

    /**
     * {@return the same with other strings that end the answer}
     *
     * @param strings the strings
     */
    public GenerationRequest withStops(String... strings) {
        return new GenerationRequest(
                prompt, maxTokens, sampler, List.of(strings), ignoreEos, promptLogits, timeout, onToken);
    }

    /** {@return the same, going on after end-of-sequence tokens} */
    public GenerationRequest ignoringEos() {
        return new GenerationRequest(prompt, maxTokens, sampler, stops, true, promptLogits, timeout, onToken);
    }

    /** {@return the same, keeping the logits of the prompt's last position} */
    public GenerationRequest withPromptLogits() {
        return new GenerationRequest(prompt, maxTokens, sampler, stops, ignoreEos, true, timeout, onToken);
    }

    /**
     * {@return the same with a limit of time}
     *
     * @param time time from the submission on
     */
    public GenerationRequest withTimeout(Duration time) {
        return new GenerationRequest(
                prompt, maxTokens, sampler, stops, ignoreEos, promptLogits, Optional.of(time), onToken);
    }

    /**
     * {@return the same with a callback}
     *
     * @param callback called with each token
     */
    public GenerationRequest onToken(Consumer<GeneratedToken> callback) {
        return new GenerationRequest(
                prompt, maxTokens, sampler, stops, ignoreEos, promptLogits, timeout, Optional.of(callback));
    }
}
