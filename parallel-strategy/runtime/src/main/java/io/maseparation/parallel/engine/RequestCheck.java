package io.maseparation.parallel.engine;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Rope;
import io.maseparation.moe.Tokenizer;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Complains of requests that an engine can never run. For any thread. */
final class RequestCheck {
    private static final System.Logger LOG = System.getLogger(RequestCheck.class.getName());

    private final ModelConfig config;
    private final Optional<Tokenizer> tokenizer;
    /** What is wrong with the model's tokenizer. */
    private final Optional<ModelException> broken;
    private final int positions;

    /**
     * Reads the tokenizer, so that no request has to wait for another's first text.
     *
     * @param given the model's tokenizer, where it has one
     * @param positions of the cache that a request is in
     */
    RequestCheck(ModelConfig config, Optional<Tokenizer> given, int positions) {
        this.config = config;
        this.positions = positions;
        Optional<ModelException> failure = Optional.empty();
        try {
            given.ifPresent(Tokenizer::load);
        } catch (ModelException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}; requests of token ids are answered without text",
                    e.getMessage());
            failure = Optional.of(e);
        }
        broken = failure;
        tokenizer = failure.isPresent() ? Optional.empty() : given;
    }

    /** The tokenizer, where there is one and it works. */
    Optional<Tokenizer> tokenizer() {
        return tokenizer;
    }

    /**
     * The tokens of a request's prompt.
     *
     * @throws ModelException if the model cannot run the request, or no cache has room for it
     */
    int[] prompt(GenerationRequest request) {
        int[] prompt = encoded(Objects.requireNonNull(request, "request").prompt());
        if (prompt.length == 0) {
            throw new ModelException("the prompt is empty");
        }
        for (int token : prompt) {
            if (token < 0 || token >= config.vocab()) {
                throw new ModelException(
                        "the prompt's token %d is outside the vocabulary of %d".formatted(token, config.vocab()));
            }
        }
        if (!request.stops().isEmpty()) {
            requiredTokenizer();
        }
        checkLength(prompt.length, request.maxTokens());
        return prompt;
    }

    private void checkLength(int prompt, int maxTokens) {
        long context = (long) prompt + maxTokens;
        if (context > config.maxPositions()) {
            throw new ModelException(
                    "%s and %d to generate exceed the model's context of %d: lower 'max_tokens' or shorten the prompt"
                            .formatted(Text.count(prompt, "prompt token"), maxTokens, config.maxPositions()));
        }
        if (context - 1 > positions) {
            throw new ModelException(
                    "a request of %d positions does not fit the KV cache, which has %d: lower 'max_tokens', shorten the prompt, or raise the engine's limit"
                            .formatted(context - 1, positions));
        }
        if (config.attention().rope().scaling() instanceof Rope.Dynamic(double _, int original)
                && context > original) {
            throw new ModelException(
                    "%d tokens are more than the %d up to which requests have the same angles under rotary scaling 'dynamic', and an engine has no table for longer ones: generate them in a run of their own"
                            .formatted(context, original));
        }
    }

    private int[] encoded(GenerationRequest.Prompt prompt) {
        return switch (prompt) {
            case GenerationRequest.Prompt.Ids(List<Integer> tokens) -> tokens.stream().mapToInt(t -> t).toArray();
            case GenerationRequest.Prompt.Text(String text) -> requiredTokenizer().encode(text);
            case GenerationRequest.Prompt.Chat(List<ChatTemplate.Message> messages) -> requiredTokenizer()
                    .encodeChat(messages, config.name());
        };
    }

    private Tokenizer requiredTokenizer() {
        broken.ifPresent(e -> {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        });
        return Tokenizer.required(tokenizer, config.name());
    }
}
