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
    private static final System.Logger LOG = System.getLogger(AnswerSubscription.class.getName());

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
        Completion ends = null;
        synchronized (lock) {
            if (events <= 0) {
                wrong = new IllegalArgumentException("a subscriber asks for 1 event or more, not for " + events);
                ends = completion;
            } else {
                asked = asked > Long.MAX_VALUE - events ? Long.MAX_VALUE : asked + events;
            }
            lock.notifyAll();
        }
        if (ends != null) {
            // Wakes whoever waits for a token.
            ends.cancel();
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
                signal(subscriber::onComplete);
            }
        } catch (RuntimeException e) {
            fail(e);
        } catch (InterruptedException e) {
            fail(Translation.interrupted());
        }
    }

    /** Null if the subscriber wants none any more. */
    private @Nullable Completion submit() {
        synchronized (lock) {
            if (cancelled) {
                return null;
            }
        }
        // A long text takes a while to encode, in which the subscriber may cancel.
        Completion submitted = translation.submit(request, false);
        RuntimeException failure;
        synchronized (lock) {
            if (!cancelled && wrong == null) {
                completion = submitted;
                return submitted;
            }
            failure = wrong;
        }
        submitted.cancel();
        if (failure != null) {
            throw failure;
        }
        return null;
    }

    /** Calls the subscriber; false if it throws, which ends the subscription without another word. */
    private boolean signal(Runnable call) {
        try {
            call.run();
            return true;
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.WARNING, "a subscriber failed", e);
            cancel();
            return false;
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
        return signal(() -> subscriber.onNext(event));
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
        signal(() -> subscriber.onError(cause));
    }
}
