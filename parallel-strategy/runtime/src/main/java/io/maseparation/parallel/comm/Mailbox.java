package io.maseparation.parallel.comm;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages that have arrived at one rank and were not taken yet. Safe for use by any number of threads. */
public final class Mailbox {
    private final Map<MessageKey, Message> messages = new HashMap<>();
    private final long spinNanos;
    private volatile long arrivals;
    private volatile boolean aborted;

    /** A mailbox without messages, whose rank sleeps while it waits. */
    public Mailbox() {
        this(0);
    }

    /**
     * A mailbox without messages.
     *
     * @param spinNanos how long a wait keeps its core before it sleeps, in nanoseconds: waking a thread takes 20 to
     *     200 µs, which ranks on GPUs wait for several times a layer
     */
    Mailbox(long spinNanos) {
        this.spinNanos = spinNanos;
    }

    /**
     * A message arrives.
     *
     * @param key what it is about
     * @param message the message
     * @throws IllegalStateException if one with that key has arrived and was not taken
     */
    public synchronized void put(MessageKey key, Message message) {
        if (messages.putIfAbsent(key, message) != null) {
            throw new IllegalStateException("two messages under way with " + key);
        }
        arrivals++;
        notifyAll();
    }

    /** Ends a wait as if a message had arrived. */
    public synchronized void wake() {
        arrivals++;
        notifyAll();
    }

    /**
     * {@return a message, which is taken; null if it has not arrived}
     *
     * @param key what it is about
     * @throws RunAbortedException if the run was aborted
     */
    public synchronized @Nullable Message poll(MessageKey key) {
        checkNotAborted();
        return messages.remove(key);
    }

    /** {@return number of messages that have arrived so far} */
    public long arrivals() {
        return arrivals;
    }

    /**
     * Waits until more messages have arrived.
     *
     * @param seen messages that have been looked at
     * @throws RunAbortedException if the run was aborted
     * @throws InterruptedException if interrupted
     */
    public void await(long seen) throws InterruptedException {
        if (spinNanos > 0) {
            long start = System.nanoTime();
            while (arrivals <= seen && !aborted && System.nanoTime() - start < spinNanos) {
                Thread.onSpinWait();
            }
        }
        sleep(seen);
    }

    private synchronized void sleep(long seen) throws InterruptedException {
        while (arrivals <= seen && !aborted) {
            wait();
        }
        checkNotAborted();
    }

    private void checkNotAborted() {
        if (aborted) {
            throw new RunAbortedException();
        }
    }

    /** Ends the run for whoever waits here, or will. */
    public synchronized void abort() {
        aborted = true;
        messages.clear();
        notifyAll();
    }
}
