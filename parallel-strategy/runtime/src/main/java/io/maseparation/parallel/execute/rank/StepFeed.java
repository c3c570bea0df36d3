package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Communicator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Hands steps to all ranks, ahead of time: a micro-batch begins the next step while others are at the one before. One
 * thread issues steps; each rank takes all of them in the same order, as fast as it can.
 */
public final class StepFeed {
    /** Steps that are issued and have not ended: one at work, and the next. */
    public static final int AHEAD = 2;

    private final Communicator comm;
    private final List<Integer> ranks;
    private final StepListener listener;
    private final AtomicReferenceArray<@Nullable Issued> ring;
    private volatile long issued;
    private volatile boolean closed;
    private volatile boolean aborted;

    /** A step that ranks are at, and how many of them are yet to end how many micro-batches of it. */
    final class Issued {
        private final Step step;
        private final AtomicInteger open;

        Issued(Step step) {
            this.step = step;
            open = new AtomicInteger(ranks.size() * step.work().size());
        }

        Step step() {
            return step;
        }

        /** A rank has done a micro-batch of it. */
        void done() {
            if (open.decrementAndGet() == 0) {
                listener.ended(step.number());
            }
        }
    }

    /**
     * A feed without steps.
     *
     * @param comm what ranks wait at
     * @param ranks the ranks that take its steps
     * @param listener learns which steps have ended
     */
    public StepFeed(Communicator comm, List<Integer> ranks, StepListener listener) {
        this.comm = comm;
        this.ranks = List.copyOf(ranks);
        this.listener = listener;
        ring = new AtomicReferenceArray<>(AHEAD);
    }

    /**
     * Issues a step.
     *
     * @param step the step; it has rows
     */
    public void issue(Step step) {
        long at = issued;
        ring.set((int) (at % ring.length()), new Issued(step));
        issued = at + 1;
        wake();
    }

    /** Ranks end their work after the steps that were issued. */
    public void close() {
        closed = true;
        wake();
    }

    /** Ranks begin no further step, not even one that was issued. */
    public void abort() {
        aborted = true;
        close();
    }

    private void wake() {
        ranks.forEach(comm::wake);
    }

    /** Number of steps issued so far. */
    long issued() {
        return issued;
    }

    /** A step that has not ended, by its place among all that were issued. */
    Issued get(long index) {
        return Objects.requireNonNull(ring.get((int) (index % ring.length())));
    }

    boolean closed() {
        return closed;
    }

    boolean aborted() {
        return aborted;
    }
}
