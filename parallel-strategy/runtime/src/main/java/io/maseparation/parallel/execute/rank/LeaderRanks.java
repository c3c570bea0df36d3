package io.maseparation.parallel.execute.rank;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.parallel.comm.Processes;
import io.maseparation.parallel.run.RunFailedException;
import java.io.DataOutput;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Ranks in processes of their own, as the leader sees them: the first one lives here, and the others are told what to
 * do by {@link FollowerRank}s in theirs.
 */
public final class LeaderRanks implements Ranks {
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Processes processes;
    private final RankThreads own;
    private final long stallNanos;
    /** Guards what follows. */
    private final Object lock = new Object();

    private final BitSet ready = new BitSet();
    private @Nullable RuntimeException broken;
    private @Nullable Work work;

    /**
     * Begins to listen to the other processes.
     *
     * @param processes all of them; this one is the leader
     * @param stallTimeout time without any rank finishing an operation after which a run counts as stuck
     */
    public LeaderRanks(Processes processes, Duration stallTimeout) {
        this.processes = processes;
        stallNanos = TimeUnit.NANOSECONDS.convert(stallTimeout);
        own = new RankThreads(List.of(processes.rank()), stallTimeout);
        processes.listen(new Processes.Listener() {
            @Override
            public void told(int from, byte[] note) {
                try {
                    take(from, note);
                } catch (RuntimeException e) {
                    broken(e);
                }
            }

            @Override
            public void broken(RuntimeException cause) {
                fail(cause);
            }
        });
    }

    /**
     * Waits until all other ranks are set up.
     *
     * @throws RunFailedException if one of them fails, or the thread is interrupted
     */
    public void awaitReady() {
        try {
            synchronized (lock) {
                while (ready.cardinality() < processes.size() - 1) {
                    if (broken != null) {
                        throw broken;
                    }
                    lock.wait();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
    }

    private void fail(RuntimeException cause) {
        Work at;
        synchronized (lock) {
            broken = cause;
            at = work;
            lock.notifyAll();
        }
        if (at != null) {
            at.team.listener().broken(processes.rank(), cause);
        }
    }

    private void take(int from, byte[] note) {
        if (Notes.kind(note) == Notes.READY) {
            synchronized (lock) {
                ready.set(from);
                lock.notifyAll();
            }
            return;
        }
        Work at;
        synchronized (lock) {
            at = work;
        }
        if (at == null) {
            if (Notes.kind(note) != Notes.DOING) {
                throw new RunFailedException("rank %d speaks of a run that has not begun".formatted(from), null);
            }
            return;
        }
        at.take(from, note);
    }

    @Override
    public Crew start(Deployment deployment, Team team) {
        Work begun = new Work(team);
        synchronized (lock) {
            work = begun;
        }
        begun.shift = own.start(deployment, team.withListener(begun.own), processes.communicator());
        return begun;
    }

    @Override
    public boolean close() {
        return own.close();
    }

    /** All ranks at work on one deployment. */
    private final class Work implements Crew {
        private final Team team;
        private final StepListener own = new OwnSteps();
        /** What others were told of a slot, by index. */
        private final Map<Integer, Told> told = new HashMap<>();
        private @Nullable Crew shift;
        /** Guarded by the lock: processes that are yet to end a step, and what those did that have ended all. */
        private final Map<Integer, BitSet> open = new HashMap<>();
        private final Map<Integer, byte[]> done = new TreeMap<>();

        private Work(Team team) {
            this.team = team;
        }

        private Crew shift() {
            return Objects.requireNonNull(shift, "it is there before anybody has the crew");
        }

        /** A sequence that others know, and how many blocks of its table. */
        private static final class Told {
            final Slot slot;
            int blocks;

            Told(Slot slot) {
                this.slot = slot;
            }
        }

        /** What the rank of this process says. */
        private final class OwnSteps implements StepListener {
            @Override
            public void sampled(int slot, int index, int token, float @Nullable [] logits, long nanos) {
                team.listener().sampled(slot, index, token, logits, nanos);
            }

            @Override
            public void failed(int slot, int index, int rank, RuntimeException cause) {
                team.listener().failed(slot, index, rank, cause);
            }

            @Override
            public void batchSampled() {
                team.listener().batchSampled();
            }

            @Override
            public void ended(int step) {
                endedBy(processes.rank(), step);
            }

            @Override
            public void broken(int rank, Throwable cause) {
                team.listener().broken(rank, cause);
            }
        }

        @Override
        public void issue(Step step) {
            BitSet all = new BitSet();
            all.set(0, processes.size());
            synchronized (lock) {
                open.put(step.number(), all);
            }
            byte[] note = Notes.write(Notes.STEP, to -> {
                slots(step, to);
                Notes.step(to, step);
            });
            for (int other = 0; other < processes.size(); other++) {
                if (other != processes.rank()) {
                    processes.tell(other, note);
                }
            }
            shift().issue(step);
        }

        /** What others do not know yet of the sequences of a step. */
        private void slots(Step step, DataOutput to) throws IOException {
            BitSet used = new BitSet();
            step.work().forEach(w -> w.groups().forEach(b -> {
                for (int slot : b.sequences()) {
                    used.set(slot);
                }
            }));
            List<Integer> news = new ArrayList<>();
            used.stream().forEach(i -> {
                Slot slot = team.slots().get(i);
                Told known = known(i, slot);
                if (known == null || known.blocks < slot.table().count()) {
                    news.add(i);
                }
            });
            to.writeInt(news.size());
            for (int i : news) {
                Slot slot = team.slots().get(i);
                Told known = known(i, slot);
                to.writeInt(i);
                to.writeBoolean(known == null);
                if (known == null) {
                    Notes.slot(to, slot);
                    known = new Told(slot);
                    told.put(i, known);
                }
                int[] blocks = new int[slot.table().count() - known.blocks];
                for (int b = 0; b < blocks.length; b++) {
                    blocks[b] = slot.table().block(known.blocks + b);
                }
                Notes.ints(to, blocks);
                known.blocks += blocks.length;
            }
        }

        /** What others know of the sequence that is in a slot now. */
        @SuppressWarnings("ReferenceEquality")
        private @Nullable Told known(int index, Slot slot) {
            Told before = told.get(index);
            return before == null || before.slot != slot ? null : before;
        }

        private void take(int from, byte[] note) {
            switch (Notes.kind(note)) {
                case Notes.SAMPLED -> Notes.read(from, note, data -> {
                    for (int i = Notes.count(data, 2 * Integer.BYTES); i > 0; i--) {
                        int slot = data.readInt();
                        int index = data.readInt();
                        if (data.readBoolean()) {
                            int token = data.readInt();
                            float[] logits = data.readBoolean() ? Notes.floats(data) : null;
                            // Its own clock says nothing here.
                            team.listener().sampled(slot, index, token, logits, System.nanoTime());
                        } else {
                            team.listener().failed(slot, index, from, new ModelException(data.readUTF()));
                        }
                    }
                    team.listener().batchSampled();
                });
                case Notes.ENDED -> {
                    int[] step = new int[1];
                    Notes.read(from, note, data -> step[0] = data.readInt());
                    endedBy(from, step[0]);
                }
                case Notes.DOING -> Notes.read(from, note,
                        data -> team.heartbeat().says(from, data.readLong(), data.readUTF()));
                case Notes.BROKEN -> Notes.read(from, note,
                        data -> team.listener().broken(from, new ModelException(data.readUTF())));
                case Notes.DONE -> {
                    synchronized (lock) {
                        done.put(from, note);
                        lock.notifyAll();
                    }
                }
                default -> throw new RunFailedException(
                        "rank %d sent a note of kind %d, which there is not".formatted(from, Notes.kind(note)), null);
            }
        }

        /** A process has ended a step. */
        private void endedBy(int from, int step) {
            team.heartbeat().finished(from);
            boolean last;
            synchronized (lock) {
                BitSet left = open.get(step);
                if (left == null || !left.get(from)) {
                    throw new RunFailedException(
                            "rank %d sent a note of kind %d that makes no sense: it is not at step %d".formatted(
                                    from, Notes.ENDED, step),
                            null);
                }
                left.clear(from);
                last = left.isEmpty();
                if (last) {
                    open.remove(step);
                }
            }
            if (last) {
                team.listener().ended(step);
            }
        }

        @Override
        public Optional<String> stuck(long since) {
            long silence = Math.min(team.heartbeat().silence(), System.nanoTime() - since);
            return silence > stallNanos
                    ? Optional.of("no rank finished anything for %s s: %s".formatted(
                            Text.number(stallNanos / 1e9), team.heartbeat().busyRanks()))
                    : Optional.empty();
        }

        @Override
        public boolean end() throws InterruptedException {
            for (int other = 0; other < processes.size(); other++) {
                if (other != processes.rank()) {
                    processes.tell(other, Notes.write(Notes.CLOSE, to -> {}));
                }
            }
            if (!shift().end()) {
                return false;
            }
            long until = System.nanoTime() + GRACE_NANOS;
            synchronized (lock) {
                while (done.size() < processes.size() - 1) {
                    long millis = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
                    if (broken != null || millis <= 0) {
                        return false;
                    }
                    lock.wait(millis);
                }
            }
            done.forEach((rank, note) -> Notes.read(rank, note, data -> team.recorder().read(rank, data)));
            return true;
        }

        @Override
        public void abort() {
            shift().abort();
        }
    }
}
