package io.maseparation.parallel.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A request on its way. Safe for use by any number of threads, virtual ones among them: each iterator and each
 * subscriber gets all tokens, from the first one on, at its own pace. The tokens are kept until this is garbage, so
 * that nobody's pace is another's, and there are no more of them than the request asked for.
 *
 * <p>Where a thread is interrupted while it waits here the request is cancelled.
 */
public final class Completion {
    private final long number;
    private final List<Integer> promptIds;
    private final boolean hasText;
    private final Consumer<Completion> cancel;
    private final Consumer<Completion> done;
    private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
    private final long submitted = System.nanoTime();
    /** Guards what follows. */
    private final Object lock = new Object();

    private final List<TokenSubscription> subscriptions = new CopyOnWriteArrayList<>();

    private final List<GeneratedToken> tokens = new ArrayList<>();
    private float @Nullable [] promptLogits;
    private boolean ended;
    private @Nullable Finish finish;
    private String rest = "";
    private @Nullable RuntimeException failure;
    private @Nullable Thread callback;
    private Optional<Duration> timeout = Optional.empty();
    private long startedAt;
    private long firstAt;
    private long lastAt;

    /**
     * @param number of the request
     * @param promptIds the prompt
     * @param hasText whether tokens have text
     * @param cancel ends the request by its next step, and its wait for a callback
     * @param done called once, when it has ended and all of that is told
     */
    Completion(
            long number, List<Integer> promptIds, boolean hasText, Consumer<Completion> cancel,
            Consumer<Completion> done) {
        this.done = done;
        this.number = number;
        this.promptIds = promptIds;
        this.hasText = hasText;
        this.cancel = cancel;
    }

    /** {@return number of the request, counted by its engine} */
    public long number() {
        return number;
    }

    /**
     * Ends the request by its next step and frees its cache. Its result is what it has by then, with
     * {@link Finish#CANCELLED}, and a callback is interrupted and sees no further token. Does nothing where it
     * {@link #isDone is done}.
     */
    public void cancel() {
        cancel.accept(this);
    }

    /** {@return whether it has ended, in whatever way} */
    public boolean isDone() {
        return result.isDone();
    }

    /**
     * Waits for the end. Where there is a callback, it has seen all tokens by then, unless the request was cancelled or
     * its time was up.
     *
     * @return all of the answer, or as much as there was when it was cancelled or its time was up
     * @throws InterruptedException if interrupted; the request is cancelled then
     * @throws RequestFailedException if the request failed
     * @throws io.maseparation.parallel.run.RunFailedException if the engine failed or was closed
     */
    public GenerationResult result() throws InterruptedException {
        try {
            return result.get();
        } catch (InterruptedException e) {
            cancel();
            throw e;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
        }
    }

    /**
     * {@return the result to come, for those who do not wait} It is a copy: completing or cancelling it does nothing to
     * the request. Where it is not there yet it comes on a virtual thread, so that what follows from it may wait, ask
     * again and close the engine.
     */
    public CompletableFuture<GenerationResult> toFuture() {
        // The engine's own thread, which all requests need, must not run what others do next.
        return result.isDone()
                ? result.copy()
                : result.whenCompleteAsync(
                        (all, cause) -> {},
                        next -> Thread.ofVirtual().name("result-" + number).start(next));
    }

    /**
     * {@return the tokens; each iterator begins with the first one and waits for those to come} Its methods throw what
     * {@link #result} throws, where the request failed, after the tokens that there were; and a
     * {@link CancellationException} where the waiting thread is interrupted, whose status stays so.
     */
    public Iterable<GeneratedToken> tokens() {
        return () -> new Iterator<>() {
            private int at;

            @Override
            public boolean hasNext() {
                try {
                    return await(at) != null;
                } catch (InterruptedException e) {
                    cancel();
                    Thread.currentThread().interrupt();
                    throw new CancellationException("interrupted");
                }
            }

            @Override
            public GeneratedToken next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return get(at++);
            }
        };
    }

    /**
     * {@return the tokens as a stream of signals} A subscriber gets all of them, as many at a time as it asked for, on
     * virtual threads. Cancelling a subscription leaves the request alone.
     */
    public Flow.Publisher<GeneratedToken> publisher() {
        return subscriber -> {
            TokenSubscription subscription = new TokenSubscription(this, subscriber);
            subscriptions.add(subscription);
            subscription.look();
        };
    }

    void forget(TokenSubscription subscription) {
        subscriptions.remove(subscription);
    }

    /** What there is at a place: a token, or else whether there will be none. */
    record Look(@Nullable GeneratedToken token, boolean ended, @Nullable RuntimeException failure) {}

    Look look(int index) {
        synchronized (lock) {
            return tokens.size() > index
                    ? new Look(tokens.get(index), false, null)
                    : new Look(null, ended, failure);
        }
    }

    private GeneratedToken get(int index) {
        synchronized (lock) {
            return tokens.get(index);
        }
    }

    /**
     * Waits for a token.
     *
     * @return null if there are fewer, and the request has ended well
     */
    @Nullable
    GeneratedToken await(int index) throws InterruptedException {
        synchronized (lock) {
            while (tokens.size() <= index && !ended) {
                lock.wait();
            }
            if (tokens.size() > index) {
                return tokens.get(index);
            }
            if (failure != null) {
                throw failure;
            }
            return null;
        }
    }

    /**
     * Will call somebody back, once {@link #startCallback} is called.
     *
     * @param listener takes the tokens
     * @param failed takes what ends the request if the listener fails
     * @param limit time from now on after which the request does not wait for the listener
     */
    void callBack(
            Consumer<GeneratedToken> listener, Consumer<RuntimeException> failed, Optional<Duration> limit) {
        synchronized (lock) {
            timeout = limit;
            callback = Thread.ofVirtual().name("request-" + number).unstarted(() -> {
                if (callAll(listener, failed)) {
                    complete();
                }
            });
        }
    }

    void startCallback() {
        Thread thread;
        synchronized (lock) {
            thread = callback;
        }
        if (thread != null) {
            thread.start();
        }
    }

    /** Whether the listener has seen all tokens of a request that ended well. */
    private boolean callAll(Consumer<GeneratedToken> listener, Consumer<RuntimeException> failed) {
        for (int at = 0;; at++) {
            GeneratedToken token;
            try {
                token = await(at);
            } catch (InterruptedException | RuntimeException e) {
                // The request has ended, and says so elsewhere.
                return false;
            }
            if (token == null) {
                return true;
            }
            if (result.isDone()) {
                return false;
            }
            try {
                listener.accept(token);
            } catch (RuntimeException | Error e) {
                RequestFailedException own = new RequestFailedException(
                        "the callback of request %d failed: %s".formatted(number, e), e);
                failed.accept(own);
                fail(own);
                return false;
            }
        }
    }

    /** The request leaves the queue. */
    void started() {
        synchronized (lock) {
            if (startedAt == 0) {
                startedAt = System.nanoTime();
            }
        }
    }

    /** A token has come. */
    void add(int id, String text, float @Nullable [] logits, long nanos) {
        synchronized (lock) {
            firstAt = tokens.isEmpty() ? nanos : firstAt;
            lastAt = nanos;
            promptLogits = logits == null ? promptLogits : logits;
            tokens.add(new GeneratedToken(tokens.size(), id, text));
            lock.notifyAll();
        }
        subscriptions.forEach(TokenSubscription::look);
    }

    /**
     * The request has ended.
     *
     * @param rest text that was held back and belongs to no token
     */
    void end(Finish reason, String rest) {
        boolean waits;
        synchronized (lock) {
            if (ended) {
                return;
            }
            ended = true;
            finish = reason;
            this.rest = rest;
            lock.notifyAll();
            // What is cancelled ends at once, whatever its callback is at.
            waits = callback != null && (reason == Finish.LENGTH || reason == Finish.STOP);
        }
        subscriptions.forEach(TokenSubscription::look);
        if (waits) {
            limitWait();
        } else {
            complete();
            interruptCallback();
        }
    }

    /** Whoever looks at deadlines between steps has forgotten this request, which waits for its callback only. */
    private void limitWait() {
        Optional<Duration> limit;
        synchronized (lock) {
            limit = timeout;
        }
        limit.ifPresent(most -> {
            var _ = result.copy()
                    .orTimeout(most.toNanos() - (System.nanoTime() - submitted), TimeUnit.NANOSECONDS)
                    .whenComplete((all, cause) -> stopWaiting(Finish.TIMEOUT));
        });
    }

    /** Ends a request that has all its tokens and waits for its callback; does nothing to one that is done. */
    void stopWaiting(Finish reason) {
        synchronized (lock) {
            if (result.isDone() || !ended || failure != null) {
                return;
            }
            finish = reason;
        }
        complete();
        interruptCallback();
    }

    /** The request has failed. */
    void fail(RuntimeException cause) {
        synchronized (lock) {
            if (!ended) {
                ended = true;
                failure = cause;
                lock.notifyAll();
            }
        }
        subscriptions.forEach(TokenSubscription::look);
        if (result.completeExceptionally(cause)) {
            done.accept(this);
        }
        interruptCallback();
    }

    private void complete() {
        GenerationResult all;
        synchronized (lock) {
            if (finish == null) {
                return;
            }
            all = new GenerationResult(
                    promptIds,
                    tokens.stream().map(GeneratedToken::id).toList(),
                    hasText
                            ? Optional.of(tokens.stream()
                                    .map(GeneratedToken::text)
                                    .collect(Collectors.joining("", "", rest)))
                            : Optional.empty(),
                    finish,
                    promptLogits,
                    new GenerationResult.Times(ms(startedAt), ms(firstAt), ms(lastAt)));
        }
        if (result.complete(all)) {
            done.accept(this);
        }
    }

    private double ms(long at) {
        return at == 0 ? Double.NaN : (at - submitted) / 1e6;
    }

    private void interruptCallback() {
        Thread thread;
        synchronized (lock) {
            thread = callback;
        }
        if (thread != null && !thread.equals(Thread.currentThread())) {
            thread.interrupt();
        }
    }
}
