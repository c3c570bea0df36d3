package io.maseparation.parallel.engine;

import java.util.Objects;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * One subscriber's way through the tokens of a request. Signals come one after the other, on a virtual thread that is
 * there only while there is one to give: a subscriber that asks for nothing costs nothing, and holds nobody up.
 */
final class TokenSubscription implements Flow.Subscription {
    private final Completion completion;
    private final Flow.Subscriber<? super GeneratedToken> subscriber;
    private boolean subscribed;
    private boolean giving;
    private boolean over;
    private boolean refused;
    private long demand;
    private int at;

    TokenSubscription(Completion completion, Flow.Subscriber<? super GeneratedToken> subscriber) {
        this.completion = completion;
        this.subscriber = Objects.requireNonNull(subscriber, "subscriber");
    }

    @Override
    public void request(long n) {
        synchronized (this) {
            refused |= n <= 0;
            demand = n > 0 && demand + n < 0 ? Long.MAX_VALUE : demand + Math.max(0, n);
        }
        look();
    }

    @Override
    public void cancel() {
        synchronized (this) {
            over = true;
        }
        completion.forget(this);
    }

    /** Gives what there is to give, on another thread; for whenever there may be something. */
    void look() {
        synchronized (this) {
            if (giving || next() == null) {
                return;
            }
            giving = true;
        }
        Thread.ofVirtual().name("subscriber-" + completion.number()).start(this::give);
    }

    private void give() {
        while (true) {
            Runnable signal;
            synchronized (this) {
                signal = next();
                if (signal == null) {
                    giving = false;
                    return;
                }
            }
            try {
                signal.run();
            } catch (RuntimeException e) {
                // A subscriber that throws has nothing more to get.
                cancel();
            }
        }
    }

    /** The signal that may be given now. */
    private @Nullable Runnable next() {
        if (over) {
            return null;
        }
        if (!subscribed) {
            return () -> {
                synchronized (this) {
                    subscribed = true;
                }
                subscriber.onSubscribe(this);
            };
        }
        if (refused) {
            return () -> end(() -> subscriber.onError(
                    new IllegalArgumentException("a subscriber asks for at least one token")));
        }
        Completion.Look look = completion.look(at);
        if (look.token() != null) {
            GeneratedToken token = look.token();
            return demand == 0 ? null : () -> {
                synchronized (this) {
                    demand -= demand == Long.MAX_VALUE ? 0 : 1;
                    at++;
                }
                subscriber.onNext(token);
            };
        }
        RuntimeException failure = look.failure();
        return !look.ended()
                ? null
                : failure == null ? () -> end(subscriber::onComplete) : () -> end(() -> subscriber.onError(failure));
    }

    private void end(Runnable last) {
        cancel();
        last.run();
    }
}
