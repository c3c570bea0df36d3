package io.maseparation.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import io.maseparation.parallel.engine.Completion;
import io.maseparation.parallel.engine.GeneratedToken;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/** A request of one subscriber, who gets as many events as it asks for. */
final class AnswerSubscription implements Flow.Subscription {
    private final Translation translation;
    private final ChatRequest request;
    private final Flow.Subscriber<? super ChatModelStreamingEvent> subscriber;
    /** Guards what follows. */
    private final Object lock = new Object();

    private @Nullable Completion completion;
    private long asked;
    private boolean cancelled;
    private @Nullable RuntimeException wrong;

    AnswerSubscription(
            Translation translation, ChatRequest request, Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
        this.translation = translation;
        this.request = request;
        this.subscriber = subscriber;
    }

    @Override
    public void request(long events) {
        synchronized (lock) {
            if (events <= 0) {
                wrong = new IllegalArgumentException("a subscriber asks for 1 event or more, not for " + events);
            } else {
                asked = asked > Long.MAX_VALUE - events ? Long.MAX_VALUE : asked + events;
            }
            lock.notifyAll();
        }
    }

    @Override
    public void cancel() {
        Completion submitted;
        synchronized (lock) {
            cancelled = true;
            submitted = completion;
            lock.notifyAll();
        }
        if (submitted != null) {
            submitted.cancel();
        }
    }

    /** Submits the request and hands out all of the answer, to the end. */
    void run() {
        try {
            Completion submitted = submit();
            if (submitted == null) {
                return;
            }
            for (GeneratedToken token : submitted.tokens()) {
                // What is half a character, or may begin a stop string, is text of a later token.
                if (!token.text().isEmpty() && !hand(new PartialResponse(token.text()))) {
                    return;
                }
            }
            if (hand(new CompleteResponse(translation.answer(submitted, submitted.result())))) {
                subscriber.onComplete();
            }
        } catch (RuntimeException e) {
            fail(e);
        } catch (InterruptedException e) {
            fail(Translation.interrupted());
        }
    }

    private @Nullable Completion submit() {
        synchronized (lock) {
            if (!cancelled) {
                completion = translation.submit(request, false);
            }
            return completion;
        }
    }

    /** Waits until the subscriber wants an event; false if it wants none any more. */
    private boolean hand(ChatModelStreamingEvent event) throws InterruptedException {
        synchronized (lock) {
            while (asked == 0 && !cancelled && wrong == null) {
                lock.wait();
            }
            if (wrong != null) {
                throw wrong;
            }
            if (cancelled) {
                return false;
            }
            if (asked < Long.MAX_VALUE) {
                asked--;
            }
        }
        subscriber.onNext(event);
        return true;
    }

    private void fail(RuntimeException cause) {
        Completion submitted;
        synchronized (lock) {
            if (cancelled) {
                return;
            }
            cancelled = true;
            submitted = completion;
        }
        if (submitted != null) {
            submitted.cancel();
        }
        subscriber.onError(cause);
    }
}
