package io.maseparation.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.maseparation.moe.Sampler;
import java.util.List;
import java.util.Objects;

/**
 * What holds where a chat request says nothing else. Immutable.
 *
 * @param parameters LangChain4j's parameters; the number of tokens is what a request is most likely to lack
 * @param sampler how tokens are chosen where neither a request nor the parameters say so: the seed, min-p and the
 *     repetition penalty, which LangChain4j has no names for, are always those. One seed for all requests: who asks the
 *     same again gets the same answer
 * @param listeners told of requests, answers and errors
 */
public record ChatSettings(ChatRequestParameters parameters, Sampler sampler, List<ChatModelListener> listeners) {
    private static final int MOST_TOKENS = 256;

    /** Refuses what is missing, and copies the list. */
    public ChatSettings {
        Objects.requireNonNull(parameters, "parameters");
        Objects.requireNonNull(sampler, "sampler");
        listeners = List.copyOf(Objects.requireNonNull(listeners, "listeners"));
    }

    /** {@return up to 256 tokens, each the most likely one} */
    public static ChatSettings defaults() {
        return new ChatSettings(
                ChatRequestParameters.builder().maxOutputTokens(MOST_TOKENS).build(), Sampler.greedy(), List.of());
    }

    /**
     * {@return the same with other parameters on top}
     *
     * @param more parameters; those that it leaves out stay as they are
     */
    public ChatSettings with(ChatRequestParameters more) {
        return new ChatSettings(parameters.overrideWith(more), sampler, listeners);
    }

    /**
     * {@return the same with tokens chosen in another way}
     *
     * @param how all settings; {@link io.maseparation.parallel.Model#sampler} is what a checkpoint recommends
     */
    public ChatSettings withSampler(Sampler how) {
        return new ChatSettings(parameters, how, listeners);
    }

    /**
     * {@return the same with other listeners}
     *
     * @param told the listeners
     */
    public ChatSettings withListeners(ChatModelListener... told) {
        return new ChatSettings(parameters, sampler, List.of(told));
    }
}
