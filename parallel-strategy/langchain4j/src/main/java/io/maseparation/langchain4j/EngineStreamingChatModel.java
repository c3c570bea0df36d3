package io.maseparation.langchain4j;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.engine.Completion;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Flow;

/**
 * An engine as LangChain4j's {@link StreamingChatModel}: as {@link EngineChatModel}, with the text as it comes.
 * Handlers and subscribers are called on a virtual thread of the request's own; a slow one holds up nobody else. Safe
 * for use by any number of threads; it owns nothing, and the engine is its maker's to close.
 */
public final class EngineStreamingChatModel implements StreamingChatModel {
    private final Translation translation;

    private EngineStreamingChatModel(Translation translation) {
        this.translation = translation;
    }

    /**
     * {@return the engine as a streaming chat model, with {@link ChatSettings#defaults}}
     *
     * @param engine the engine, which stays open as long as this is in use
     */
    public static EngineStreamingChatModel of(Engine engine) {
        return of(engine, ChatSettings.defaults());
    }

    /**
     * {@return the engine as a streaming chat model}
     *
     * @param engine the engine, which stays open as long as this is in use
     * @param settings what holds where a request says nothing else
     */
    public static EngineStreamingChatModel of(Engine engine, ChatSettings settings) {
        return new EngineStreamingChatModel(new Translation(engine, settings));
    }

    /**
     * Submits a request and returns. The handler gets the text part by part, with a handle that cancels the request and
     * after which it is called no more; and at the end the answer, or what failed: a request that the model cannot run
     * ({@link dev.langchain4j.exception.InvalidRequestException}), a full queue
     * ({@link dev.langchain4j.exception.RateLimitException}), an engine that failed or is closed. What it throws goes
     * to its own {@code onError}, and the answer goes on, as with LangChain4j's other models.
     *
     * @param request what to answer
     * @param handler takes the answer
     * @throws UnsupportedFeatureException naming what an engine does not do
     */
    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        Objects.requireNonNull(handler, "handler");
        Completion completion;
        try {
            completion = translation.submit(request, false);
        } catch (UnsupportedFeatureException e) {
            throw e;
        } catch (RuntimeException e) {
            // Listeners that heard of the request would never hear of its end if this were thrown.
            Thread.ofVirtual().name("chat").start(() -> AnswerCalls.failed(handler, e));
            return;
        }
        Thread.ofVirtual()
                .name("chat-" + completion.number())
                .start(() -> new AnswerCalls(translation, completion, handler).run());
    }

    /**
     * {@return the answer as events: parts of the text, and then the whole} Each subscriber makes a request of its own,
     * gets as many events as it asks for, and cancels the request with its subscription; what {@link #doChat} throws is
     * its error.
     *
     * @param request what to answer
     */
    @Override
    public Flow.Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
        Objects.requireNonNull(request, "request");
        return subscriber -> {
            AnswerSubscription subscription = new AnswerSubscription(translation, request, subscriber);
            subscriber.onSubscribe(subscription);
            Thread.ofVirtual().name("chat").start(subscription::run);
        };
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return translation.settings().parameters();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return translation.settings().listeners();
    }
}
