package io.maseparation.parallel.comm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Ranks as threads of one JVM, with one mailbox each. */
public final class InProcessCommunicator implements Communicator {
    private final List<Mailbox> mailboxes = new ArrayList<>();

    /**
     * A communicator without messages, whose ranks sleep while they wait.
     *
     * @param ranks number of ranks
     */
    public InProcessCommunicator(int ranks) {
        this(ranks, 0);
    }

    /**
     * A communicator without messages.
     *
     * @param ranks number of ranks
     * @param spinNanos how long a rank that waits keeps its core before it sleeps, in nanoseconds
     */
    public InProcessCommunicator(int ranks, long spinNanos) {
        for (int i = 0; i < ranks; i++) {
            mailboxes.add(new Mailbox(spinNanos));
        }
    }

    @Override
    public void send(int to, MessageKey key, Message message) {
        mailboxes.get(to).put(key, message);
    }

    @Override
    public @Nullable Message poll(int rank, MessageKey key) {
        return mailboxes.get(rank).poll(key);
    }

    @Override
    public long arrivals(int rank) {
        return mailboxes.get(rank).arrivals();
    }

    @Override
    public void awaitArrival(int rank, long seen) throws InterruptedException {
        mailboxes.get(rank).await(seen);
    }

    @Override
    public void wake(int rank) {
        mailboxes.get(rank).wake();
    }

    @Override
    public void abort() {
        mailboxes.forEach(Mailbox::abort);
    }
}
