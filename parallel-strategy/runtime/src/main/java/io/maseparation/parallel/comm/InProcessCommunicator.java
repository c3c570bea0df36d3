package io.maseparation.parallel.comm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Ranks as threads of one JVM: a mailbox each. */
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
    public Message poll(int rank, MessageKey key) {
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
    public void abort() {
        mailboxes.forEach(Mailbox::abort);
    }

    private static final class Mailbox {
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private final Map<MessageKey, Message> messages = new HashMap<>();
        private long arrivals;
        private boolean aborted;

        void put(MessageKey key, Message message) {
            lock.lock();
            try {
                if (messages.putIfAbsent(key, message) != null) {
                    throw new IllegalStateException("two messages under way with " + key);
                }
                arrivals++;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        Message poll(MessageKey key) {
            lock.lock();
            try {
                if (aborted) {
                    throw new RunAbortedException();
                }
                return messages.remove(key);
            } finally {
                lock.unlock();
            }
        }

        long arrivals() {
            lock.lock();
            try {
                return arrivals;
            } finally {
                lock.unlock();
            }
        }

        void await(long seen) throws InterruptedException {
            lock.lock();
            try {
                while (arrivals <= seen && !aborted) {
                    changed.await();
                }
                if (aborted) {
                    throw new RunAbortedException();
                }
            } finally {
                lock.unlock();
            }
        }

        void abort() {
            lock.lock();
            try {
                aborted = true;
                messages.clear();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
