package io.maseparation.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.maseparation.parallel.Engine;
import io.maseparation.parallel.engine.Completion;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * An engine as LangChain4j's {@link ChatModel}. Messages go through the chat template of the engine's model, which must
 * have one; requests of any number of threads go into the engine's one batch. Safe for use by any number of threads; it
 * owns nothing, and the engine is its maker's to close.
 *
 * <p>Tools, formats of responses other than text, content other than text, and penalties by frequency and presence are
 * refused by name with a {@link dev.langchain4j.exception.UnsupportedFeatureException}.
 */
public final class EngineChatModel implements ChatModel {
    private final Translation translation;

    private EngineChatModel(Translation translation) {
        this.translation = translation;
    }

    /**
     * {@return the engine as a chat model, with {@link ChatSettings#defaults}}
     *
     * @param engine the engine, which stays open as long as this is in use
     */
    public static EngineChatModel of(Engine engine) {
        return of(engine, ChatSettings.defaults());
    }

    /**
     * {@return the engine as a chat model}
     *
     * @param engine the engine, which stays open as long as this is in use
     * @param settings what holds where a request says nothing else
     */
    public static EngineChatModel of(Engine engine, ChatSettings settings) {
        return new EngineChatModel(new Translation(engine, settings));
    }

    /**
     * {@return the answer} It waits for a place where the engine's queue is full, and for the end. An interrupt cancels
     * the request.
     *
     * @param request what to answer
     * @throws dev.langchain4j.exception.UnsupportedFeatureException naming what an engine does not do
     * @throws dev.langchain4j.exception.InvalidRequestException if the model cannot run it, or no cache has room for it
     * @throws java.util.concurrent.CancellationException if interrupted; the thread stays so
     * @throws io.maseparation.parallel.run.RunFailedException if the engine failed or is closed
     */
    @Override
    public ChatResponse doChat(ChatRequest request) {
        Completion completion = translation.submit(request, true);
        try {
            return translation.answer(completion, completion.result());
        } catch (InterruptedException e) {
            throw Translation.interrupted();
        }
    }

    /**
     * {@return the answer to come; cancelling it cancels the request} What follows from it runs on a virtual thread and
     * may wait and ask again. Where the engine's queue is full it fails with a
     * {@link dev.langchain4j.exception.RateLimitException}.
     *
     * @param request what to answer
     */
    @Override
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
        Completion completion;
        try {
            completion = translation.submit(request, false);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
        CompletableFuture<ChatResponse> answer =
                completion.toFuture().thenApply(result -> translation.answer(completion, result));
        var _ = answer.whenComplete((response, failure) -> {
            if (answer.isCancelled()) {
                completion.cancel();
            }
        });
        return answer;
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
