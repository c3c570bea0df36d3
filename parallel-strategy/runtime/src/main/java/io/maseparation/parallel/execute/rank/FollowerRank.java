package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.run.RunFailedException;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The rank that lives in a process other than the leader's. It does what the leader's {@link LeaderRanks} tell it. */
public final class FollowerRank implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(FollowerRank.class.getName());
    private static final int LEADER = 0;
    private static final long SAYS_EVERY_MILLIS = 1000;
    /** Longest description of a failure that travels. */
    private static final int LONGEST = 4000;

    /** How long the leader has to end this process after it was told of a failure. */
    private static final long MOST_MILLIS = 2000;

    private final Processes processes;
    private final Deployment deployment;
    private final RankThreads threads;
    private final Recorder recorder;
    private final Slots slots;
    private final Heartbeat heartbeat;
    /** Guards what follows. */
    private final Object lock = new Object();

    private boolean closed;
    private @Nullable RuntimeException failure;

    /**
     * A rank that is set up.
     *
     * @param processes all processes
     * @param deployment the plan, of which this process has its rank
     * @param slots most sequences at once
     * @param stallTimeout as the leader's
     */
    public FollowerRank(Processes processes, Deployment deployment, int slots, Duration stallTimeout) {
        this.processes = processes;
        this.deployment = deployment;
        this.slots = new Slots(slots);
        threads = new RankThreads(List.of(processes.rank()), stallTimeout);
        heartbeat = new Heartbeat(deployment.ranks());
        recorder = new Recorder(
                deployment.ranks(), deployment.plan().config().layers().size(),
                deployment.plan().config().maxExperts(), false);
    }

    /** What the rank says of its steps goes to the leader. */
    private final class Reports implements StepListener {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final DataOutputStream data = new DataOutputStream(bytes);
        private int count;

        private void add(int slot, int index, Notes.Part<DataOutputStream> rest) {
            try {
                data.writeInt(slot);
                data.writeInt(index);
                rest.with(data);
                count++;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void sampled(int slot, int index, int token, float @Nullable [] logits, long nanos) {
            add(slot, index, to -> {
                to.writeBoolean(true);
                to.writeInt(token);
                to.writeBoolean(logits != null);
                if (logits != null) {
                    Notes.floats(to, logits);
                }
            });
        }

        @Override
        public void failed(int slot, int index, int rank, RuntimeException cause) {
            add(slot, index, to -> {
                to.writeBoolean(false);
                to.writeUTF(shortened(Deployment.describe(cause)));
            });
        }

        @Override
        public void batchSampled() {
            byte[] all = bytes.toByteArray();
            int number = count;
            processes.tell(LEADER, Notes.write(Notes.SAMPLED, to -> {
                to.writeInt(number);
                to.write(all);
            }));
            bytes.reset();
            count = 0;
        }

        @Override
        public void ended(int step) {
            processes.tell(LEADER, Notes.write(Notes.ENDED, to -> to.writeInt(step)));
        }

        @Override
        public void broken(int rank, Throwable cause) {
            fail(cause);
        }
    }

    private static String shortened(String text) {
        return text.substring(0, Math.min(LONGEST, text.length()));
    }

    /** The leader says it, too, before it ends all processes. */
    private void fail(Throwable cause) {
        try {
            processes.tell(LEADER,
                    Notes.write(Notes.BROKEN, to -> to.writeUTF(shortened(Deployment.describe(cause)))));
        } catch (RuntimeException e) {
            // It cannot be reached, and notices that.
            LOG.log(System.Logger.Level.DEBUG, "the leader is not told", e);
        }
        synchronized (lock) {
            failure = failure == null
                    ? Deployment.failure(deployment.plan().ranks().get(processes.rank()), cause)
                    : failure;
            lock.notifyAll();
        }
    }

    /**
     * Takes part until the leader says that there are no further steps.
     *
     * @throws RunFailedException if this rank fails, or the thread is interrupted
     */
    public void run() {
        Team team = new Team(recorder, slots, new Reports(), Optional.empty(), heartbeat);
        RankThreads.Shift shift = threads.start(deployment, team, processes.communicator());
        processes.listen(new Processes.Listener() {
            @Override
            public void told(int from, byte[] note) {
                try {
                    take(shift, from, note);
                } catch (RuntimeException e) {
                    broken(e);
                }
            }

            @Override
            public void broken(RuntimeException cause) {
                fail(cause);
            }
        });
        processes.tell(LEADER, Notes.write(Notes.READY, to -> {}));
        try {
            awaitClose();
            if (!shift.end()) {
                throw new RunFailedException("rank %d does not come to rest".formatted(processes.rank()), null);
            }
        } catch (InterruptedException e) {
            shift.abort();
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        } catch (RuntimeException e) {
            shift.abort();
            throw e;
        }
        processes.keep();
        processes.tell(LEADER, Notes.write(Notes.DONE, to -> recorder.write(processes.rank(), to)));
    }

    private void awaitClose() throws InterruptedException {
        while (true) {
            synchronized (lock) {
                RuntimeException cause = failure;
                if (cause != null) {
                    // The leader says it; it has to have the time.
                    TimeUnit.MILLISECONDS.timedWait(lock, MOST_MILLIS);
                    throw cause;
                }
                if (closed) {
                    return;
                }
                lock.wait(SAYS_EVERY_MILLIS);
            }
            processes.tell(LEADER, Notes.write(Notes.DOING, to -> {
                to.writeLong(heartbeat.silence(processes.rank()));
                to.writeUTF(heartbeat.doing(processes.rank()));
            }));
        }
    }

    private void take(Crew shift, int from, byte[] note) {
        if (from != LEADER) {
            throw new RunFailedException("rank %d tells rank %d what to do".formatted(from, processes.rank()), null);
        }
        switch (Notes.kind(note)) {
            case Notes.STEP -> Notes.read(from, note, data -> {
                for (int i = Notes.count(data, 2 * Integer.BYTES); i > 0; i--) {
                    slot(data);
                }
                shift.issue(checked(Notes.step(data)));
            });
            case Notes.CLOSE -> {
                synchronized (lock) {
                    closed = true;
                    lock.notifyAll();
                }
            }
            default -> throw new RunFailedException(
                    "rank %d sent a note of kind %d, which there is not".formatted(from, Notes.kind(note)), null);
        }
    }

    /** A sequence that is new, or has got further blocks. */
    private void slot(DataInputStream data) throws IOException {
        int index = data.readInt();
        if (index < 0 || index >= slots.count()) {
            throw new IOException("slot %d of %d".formatted(index, slots.count()));
        }
        if (data.readBoolean()) {
            slots.set(index, Notes.slot(data));
        }
        KvTable table = slots.get(index).table();
        for (int block : Notes.ints(data)) {
            table.add(block);
        }
    }

    /** A step whose rows have room here. */
    private Step checked(Step step) throws IOException {
        for (Step.Work work : step.work()) {
            if (work.groups().size() != deployment.plan().groups()) {
                throw new IOException("rows of %d groups".formatted(work.groups().size()));
            }
            for (Batch batch : work.groups()) {
                int rows = batch.rows();
                if (batch.positions().length != rows || batch.tokens().length != rows) {
                    throw new IOException("rows without a position or a token");
                }
                for (int slot : batch.sequences()) {
                    if (slot < 0 || slot >= slots.count()) {
                        throw new IOException("slot %d of %d".formatted(slot, slots.count()));
                    }
                }
                for (int row : batch.outputs()) {
                    if (row < 0 || row >= rows) {
                        throw new IOException("logits of row %d of %d".formatted(row, rows));
                    }
                }
            }
        }
        return step;
    }

    /** Ends the rank's thread and frees its device's memory. */
    @Override
    public void close() {
        if (threads.close()) {
            deployment.close();
        }
    }
}
