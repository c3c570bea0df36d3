package io.maseparation.parallel.comm;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** Stands for the processes of a job: what each of them would have is there once for each, in one JVM. */
public final class ProcessesOfThreads {
    private final List<Member> members = new ArrayList<>();

    /** @param size number of processes */
    public ProcessesOfThreads(int size) {
        Communicator all = new InProcessCommunicator(size);
        for (int rank = 0; rank < size; rank++) {
            members.add(new Member(rank, all));
        }
    }

    /** One of them. */
    public Processes member(int rank) {
        return members.get(rank);
    }

    /** As if messages did not move any more at one of them. */
    public void breakDown(int rank, RuntimeException cause) {
        Processes.Listener listener;
        synchronized (members.get(rank)) {
            listener = members.get(rank).listener;
        }
        listener.broken(cause);
    }

    private record Note(int from, byte[] bytes) {}

    private final class Member implements Processes {
        private final int rank;
        private final Communicator all;
        private final Queue<Note> notes = new ArrayDeque<>();
        private @Nullable Listener listener;

        private Member(int rank, Communicator all) {
            this.rank = rank;
            this.all = all;
        }

        @Override
        public int rank() {
            return rank;
        }

        @Override
        public int size() {
            return members.size();
        }

        @Override
        public Communicator communicator() {
            return new OneRank(rank, all);
        }

        @Override
        public void tell(int to, byte[] note) {
            members.get(to).told(new Note(rank, note));
        }

        private synchronized void told(Note note) {
            notes.add(note);
            deliver();
        }

        private void deliver() {
            while (listener != null && !notes.isEmpty()) {
                Note next = notes.remove();
                listener.told(next.from, next.bytes);
            }
        }

        @Override
        public synchronized void listen(Listener to) {
            listener = to;
            deliver();
        }

        @Override
        public synchronized void keep() {
            listener = null;
        }
    }

    /** Refuses what only another process could do; one that aborts ends itself alone. */
    private record OneRank(int rank, Communicator all) implements Communicator {
        private void check(int other) {
            if (other != rank) {
                throw new IllegalArgumentException("rank %d acts for rank %d".formatted(rank, other));
            }
        }

        @Override
        public void send(int to, MessageKey key, Message message) {
            check(key.from());
            all.send(to, key, new Message(message.ints().clone(), message.floats().clone()));
        }

        @Override
        public @Nullable Message poll(int of, MessageKey key) {
            check(of);
            return all.poll(of, key);
        }

        @Override
        public long arrivals(int of) {
            check(of);
            return all.arrivals(of);
        }

        @Override
        public void awaitArrival(int of, long seen) throws InterruptedException {
            check(of);
            all.awaitArrival(of, seen);
        }

        @Override
        public void wake(int of) {
            check(of);
            all.wake(of);
        }

        @Override
        public void abort() {
            // The others learn of it otherwise.
        }
    }
}
