package io.maseparation.parallel.comm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Ranks as threads of one JVM, with one mailbox each. */
public final class InProcessCommunicator implements Communicator {
    private final List<Mailbox> mailboxes = new ArrayList<>();

    /**
     * A communicator without messages.
     *
     * @param ranks number of ranks
     */
    public InProcessCommunicator(int ranks) {
        for (int i = 0; i < ranks; i++) {
            mailboxes.add(new Mailbox());
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

    private static final class Mailbox {
        private final Map<MessageKey, Message> messages = new HashMap<>();
        private long arrivals;
        private boolean aborted;

        synchronized void put(MessageKey key, Message message) {
            if (messages.putIfAbsent(key, message) != null) {
                throw new IllegalStateException("two messages under way with " + key);
            }
            arrivals++;
            notifyAll();
        }

        synchronized void wake() {
            arrivals++;
            notifyAll();
        }

        synchronized @Nullable Message poll(MessageKey key) {
            checkNotAborted();
            return messages.remove(key);
        }

        synchronized long arrivals() {
            return arrivals;
        }

        synchronized void await(long seen) throws InterruptedException {
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

        synchronized void abort() {
            aborted = true;
            messages.clear();
            notifyAll();
        }
    }
}
