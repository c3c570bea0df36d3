package io.maseparation.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.GeneratedToken;

/** Tells a handler an answer as it comes. Cancelling is for any thread. */
final class AnswerCalls implements StreamingHandle {
    private static final System.Logger LOG = System.getLogger(AnswerCalls.class.getName());

    private final Translation translation;
    private final Completion completion;
    private final StreamingChatResponseHandler handler;
    private volatile boolean cancelled;

    AnswerCalls(Translation translation, Completion completion, StreamingChatResponseHandler handler) {
        this.translation = translation;
        this.completion = completion;
        this.handler = handler;
    }

    @Override
    public void cancel() {
        cancelled = true;
        completion.cancel();
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    /** Tells all of it, to the end. */
    void run() {
        try {
            for (GeneratedToken token : completion.tokens()) {
                // What is half a character, or may begin a stop string, is text of a later token.
                if (!token.text().isEmpty()) {
                    call(() -> handler.onPartialResponse(
                            new PartialResponse(token.text()), new PartialResponseContext(this)));
                }
            }
            ChatResponse answer = translation.answer(completion, completion.result());
            call(() -> handler.onCompleteResponse(answer));
        } catch (RuntimeException e) {
            fail(e);
        } catch (InterruptedException e) {
            fail(Translation.interrupted());
        }
    }

    private void call(Runnable callback) {
        if (cancelled) {
            return;
        }
        try {
            callback.run();
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void fail(Throwable cause) {
        if (!cancelled) {
            failed(handler, cause);
        }
    }

    /** Tells a handler what failed. */
    static void failed(StreamingChatResponseHandler handler, Throwable cause) {
        try {
            handler.onError(cause);
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.WARNING, "a handler's onError failed", e);
        }
    }
}
