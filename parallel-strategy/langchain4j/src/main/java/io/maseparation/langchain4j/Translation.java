package io.maseparation.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.maseparation.files.ModelException;
import io.maseparation.moe.ChatTemplate;
import io.maseparation.moe.Sampler;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.Finish;
import io.maseparation.parallel.engine.GenerationRequest;
import io.maseparation.parallel.engine.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** What requests and answers of LangChain4j are to an engine. Safe for use by any number of threads. */
final class Translation {
    private final Engine engine;
    private final ChatSettings settings;

    Translation(Engine engine, ChatSettings settings) {
        this.engine = Objects.requireNonNull(engine, "engine");
        this.settings = Objects.requireNonNull(settings, "settings");
    }

    ChatSettings settings() {
        return settings;
    }

    /**
     * Submits a request.
     *
     * @param waits whether to wait where too many others do
     * @throws UnsupportedFeatureException naming what the engine does not do
     * @throws InvalidRequestException if the model cannot run it, or no cache has room for it
     * @throws RateLimitException if too many wait already
     */
    Completion submit(ChatRequest request, boolean waits) {
        try {
            GenerationRequest translated = translated(request);
            return waits ? engine.submitWaiting(translated) : engine.submit(translated);
        } catch (ModelException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        } catch (RejectedExecutionException e) {
            throw new RateLimitException(e.getMessage(), e);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    /** What interrupted waiting ends with; the thread stays interrupted. */
    static CancellationException interrupted() {
        Thread.currentThread().interrupt();
        return new CancellationException("interrupted");
    }

    private GenerationRequest translated(ChatRequest request) {
        String model = engine.plan().config().name();
        if (request.modelName() != null && !request.modelName().equals(model)) {
            throw new ModelNotFoundException(
                    "the engine runs %s: leave 'modelName' out, or name that".formatted(model));
        }
        refuse("frequencyPenalty", request.frequencyPenalty() != null && request.frequencyPenalty() != 0);
        refuse("presencePenalty", request.presencePenalty() != null && request.presencePenalty() != 0);
        refuse("toolSpecifications", request.toolSpecifications() != null && !request.toolSpecifications().isEmpty());
        refuse("toolChoice", request.toolChoice() != null);
        refuse("a responseFormat other than text",
                request.responseFormat() != null && request.responseFormat().type() != ResponseFormatType.TEXT);
        GenerationRequest translated = GenerationRequest.chat(messages(request.messages()))
                .withSampler(sampler(request));
        if (request.maxOutputTokens() != null) {
            translated = translated.withMaxTokens(request.maxOutputTokens());
        }
        return request.stopSequences() == null
                ? translated
                : translated.withStops(request.stopSequences().toArray(String[]::new));
    }

    private Sampler sampler(ChatRequest request) {
        Sampler base = settings.sampler();
        return new Sampler(
                or(request.temperature(), base.temperature()),
                or(request.topK(), base.topK()),
                or(request.topP(), base.topP()),
                base.minP(), base.repetitionPenalty(), base.seed());
    }

    private static <T> T or(@Nullable T value, T otherwise) {
        return value == null ? otherwise : value;
    }

    private static void refuse(String what, boolean asked) {
        if (asked) {
            throw new UnsupportedFeatureException("%s: an engine does not do that; leave it out".formatted(what));
        }
    }

    private static List<ChatTemplate.Message> messages(List<ChatMessage> messages) {
        List<ChatTemplate.Message> turns = new ArrayList<>();
        for (ChatMessage message : messages) {
            turns.add(switch (message) {
                case SystemMessage system -> new ChatTemplate.Message("system", system.text());
                case UserMessage user -> new ChatTemplate.Message("user", text(user));
                case AiMessage ai -> new ChatTemplate.Message("assistant", text(ai));
                default -> throw new UnsupportedFeatureException(
                        "a message of type %s: an engine takes those of system, user and AI".formatted(message.type()));
            });
        }
        return turns;
    }

    private static String text(UserMessage user) {
        refuse("the name of a user message", user.name() != null);
        List<String> parts = new ArrayList<>();
        for (Content content : user.contents()) {
            if (!(content instanceof TextContent text)) {
                throw new UnsupportedFeatureException("content of type %s: an engine takes text"
                        .formatted(content.type().name().toLowerCase(Locale.ROOT)));
            }
            parts.add(text.text());
        }
        return String.join("\n", parts);
    }

    /** What an answer thought before it is left out, as templates do. */
    private static String text(AiMessage ai) {
        refuse("toolExecutionRequests of an AI message", ai.hasToolExecutionRequests());
        refuse("images of an AI message", ai.images() != null && !ai.images().isEmpty());
        refuse("audios of an AI message", ai.audios() != null && !ai.audios().isEmpty());
        return or(ai.text(), "");
    }

    /** The answer to a request that was submitted. */
    ChatResponse answer(Completion completion, GenerationResult result) {
        return ChatResponse.builder()
                .id(Long.toString(completion.number()))
                .modelName(engine.plan().config().name())
                .aiMessage(AiMessage.from(result.text().orElse("")))
                .tokenUsage(new TokenUsage(result.promptIds().size(), result.tokenIds().size()))
                .finishReason(reason(result.finish()))
                .build();
    }

    private static FinishReason reason(Finish finish) {
        return switch (finish) {
            case LENGTH -> FinishReason.LENGTH;
            case STOP -> FinishReason.STOP;
            case CANCELLED, TIMEOUT -> FinishReason.OTHER;
        };
    }
}
