package io.maseparation.parallel.comm;

import org.jspecify.annotations.Nullable;

/** Moves messages between the ranks of one run. Thread-safe: every rank has a thread of its own. */
public interface Communicator {

    /**
     * Sends without waiting for the receiver. At most one message of a key is under way to a rank.
     *
     * @param to the receiver
     * @param key what the message is about
     * @param message what to send; not to be changed afterwards
     */
    void send(int to, MessageKey key, Message message);

    /**
     * Takes a message that is addressed to a rank.
     *
     * @param rank the receiver
     * @param key what the message is about
     * @return the message; null if it has not arrived
     * @throws RunAbortedException if the run was aborted
     */
    @Nullable
    Message poll(int rank, MessageKey key);

    /**
     * {@return number of messages that have arrived at {@code rank} so far}
     *
     * @param rank the receiver
     */
    long arrivals(int rank);

    /**
     * Waits until more than {@code seen} messages have arrived at {@code rank}.
     *
     * @param rank the receiver
     * @param seen messages that have been looked at
     * @throws RunAbortedException if the run was aborted
     * @throws InterruptedException if interrupted
     */
    void awaitArrival(int rank, long seen) throws InterruptedException;

    /**
     * Ends the wait of a rank as if a message had arrived: there is something else for it to look at.
     *
     * @param rank the rank
     */
    void wake(int rank);

    /** Ends the run: every rank that waits, or will wait, gets a {@link RunAbortedException}. */
    void abort();
}
