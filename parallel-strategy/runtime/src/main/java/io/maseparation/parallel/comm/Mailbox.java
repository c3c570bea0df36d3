package io.maseparation.parallel.comm;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages that have arrived at one rank and were not taken yet. Safe for use by any number of threads. */
public final class Mailbox {
    private final Map<MessageKey, Message> messages = new HashMap<>();
    private long arrivals;
    private boolean aborted;

    /** A mailbox without messages. */
    public Mailbox() {}

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
    public synchronized long arrivals() {
        return arrivals;
    }

    /**
     * Waits until more messages have arrived.
     *
     * @param seen messages that have been looked at
     * @throws RunAbortedException if the run was aborted
     * @throws InterruptedException if interrupted
     */
    public synchronized void await(long seen) throws InterruptedException {
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
