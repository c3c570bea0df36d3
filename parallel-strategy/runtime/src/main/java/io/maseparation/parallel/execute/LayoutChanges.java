package io.maseparation.parallel.execute;

import io.maseparation.files.ModelException;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * Takes a run from layout to layout. One change is under way at a time: a thread of its own decides and sets it up
 * while steps go on, and the run switches over between two steps. A change that fails, or takes too long, is given up,
 * and the old layout goes on.
 */
final class LayoutChanges implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(LayoutChanges.class.getName());

    /** Steps between two looks at whether a change is ready. */
    private static final int STEPS_WHILE_PREPARING = 2;

    /**
     * Steps that an ordered change is begun before it is due: late enough to know the loads, early enough to be ready.
     */
    private static final int LEAD = 4;

    private static final long LAST_WAIT_MILLIS = 5_000;

    private final Changes changes;
    private final Job job;
    private final Workload workload;
    private final Deque<Changes.Ordered> ordered;
    private final ChangeLog log = new ChangeLog();
    private Preparation<Prepared> underWay;
    private Begun begun;
    private Untold untold;
    private int nextLook;
    private int lastLook;
    private long lastLookNanos;

    /**
     * A change that can be switched to.
     *
     * @param proposal what it was
     * @param migration the way there
     */
    private record Prepared(LayoutPolicy.Proposal proposal, Migration migration) {}

    /**
     * A change that was begun.
     *
     * @param state the run then
     * @param due decode step to switch at; −1 for as soon as possible
     * @param kind what moves, if that is known
     * @param nanos time it was begun
     */
    private record Begun(LiveState state, int due, Optional<Kind> kind, long nanos) {}

    /**
     * A change of the policy's that was killed and that it does not know of yet: it may still be at work on it.
     *
     * @param preparation the work
     */
    private record Untold(Preparation<Prepared> preparation, LayoutChange change, LiveState state) {}

    LayoutChanges(Job job) {
        this.changes = job.options().changes();
        this.job = job;
        this.workload = job.workload();
        ordered = new ArrayDeque<>(changes.ordered());
        nextLook = changes.policy().map(LayoutPolicy::interval).orElse(Integer.MAX_VALUE);
    }

    /** Most steps that may run until {@link #between} is to be called again. */
    int steps(int decoded) {
        if (underWay != null) {
            return begun.due >= 0 ? begun.due - decoded : STEPS_WHILE_PREPARING;
        }
        int next = nextLook;
        if (!ordered.isEmpty()) {
            next = Math.min(next, ordered.peek().step() - LEAD);
        }
        return next == Integer.MAX_VALUE ? next : Math.max(1, next - decoded);
    }

    /**
     * Looks at the run between two steps.
     *
     * @param now the deployment it is on
     * @param active whether each sequence goes on
     * @param decoded decode steps done
     * @return the deployment to go on with; {@code now}, or another one, and then {@code now} is freed as far as
     *     possible
     */
    Deployment between(Deployment now, boolean[] active, int decoded, Recorder recorder) {
        if (decoded == 0) {
            lastLookNanos = System.nanoTime();
        }
        Deployment next = now;
        while (underWay != null || begin(next, active, decoded, recorder)) {
            boolean ordered = begun.due >= 0;
            if (ordered ? begun.due > decoded : !underWay.isDone() && !tooLong()) {
                break;
            }
            // An ordered change is made where it was ordered, and waited for.
            long wait = ordered ? Math.max(0, changes.patience().toNanos() - underWayNanos()) : 0;
            next = finish(next, active, decoded, wait);
        }
        return next;
    }

    private LiveState state(Deployment now, boolean[] active, int decoded, Recorder recorder) {
        List<Integer> owners = new ArrayList<>(now.shares().owners());
        int[] positions = new int[active.length];
        for (int sequence = 0; sequence < active.length; sequence++) {
            if (active[sequence]) {
                positions[sequence] = workload.depth() + workload.prompts().get(sequence).length + decoded;
            } else {
                owners.set(sequence, -1);
            }
        }
        return new LiveState(
                now.plan(),
                List.copyOf(owners),
                positions,
                decoded,
                workload.maxTokens() - 1 - decoded,
                recorder.loads(),
                stepMs(decoded));
    }

    private boolean tooLong() {
        return underWayNanos() > changes.patience().toNanos();
    }

    private long underWayNanos() {
        return System.nanoTime() - begun.nanos;
    }

    /** Begins the next change, if there is one to be begun. */
    private boolean begin(Deployment now, boolean[] active, int decoded, Recorder recorder) {
        Changes.Ordered order = ordered.peek();
        if (order != null && order.step() - decoded <= LEAD) {
            ordered.remove();
            LiveState state = state(now, active, decoded, recorder);
            begun = new Begun(state, order.step(), Optional.of(order.kind()), System.nanoTime());
            underWay = Preparation.start(
                    () -> Optional.of(prepare(
                            now,
                            active,
                            state,
                            new LayoutPolicy.Proposal(order.target().apply(state), order.kind(), Double.NaN))),
                    LayoutChanges::giveUp);
            return true;
        }
        if (changes.policy().isEmpty() || decoded < nextLook || decoded >= workload.maxTokens() - 1) {
            return false;
        }
        LayoutPolicy policy = changes.policy().get();
        if (untold != null) {
            if (!untold.preparation.isDone()) {
                nextLook = decoded + policy.interval();
                return false;
            }
            policy.ended(untold.change, untold.state);
            untold = null;
        }
        LiveState state = state(now, active, decoded, recorder);
        nextLook = decoded + policy.interval();
        begun = new Begun(state, -1, Optional.empty(), System.nanoTime());
        underWay = Preparation.start(
                () -> policy.propose(state).map(proposal -> prepare(now, active, state, proposal)),
                LayoutChanges::giveUp);
        return true;
    }

    /** Setting up a layout failed. */
    private static final class ProposalFailed extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient LayoutPolicy.Proposal proposal;

        ProposalFailed(LayoutPolicy.Proposal proposal, Throwable cause) {
            super(cause);
            this.proposal = proposal;
        }
    }

    private Prepared prepare(
            Deployment now, boolean[] active, LiveState state, LayoutPolicy.Proposal proposal) {
        try {
            return new Prepared(
                    proposal,
                    Migration.prepare(now, proposal.target(), active, state.decoded(), job));
        } catch (RuntimeException | OutOfMemoryError e) {
            throw new ProposalFailed(proposal, e);
        }
    }

    private static void giveUp(Prepared prepared) {
        prepared.migration.giveUp();
    }

    private Deployment finish(Deployment now, boolean[] active, int decoded, long waitNanos) {
        Preparation<Prepared> preparation = underWay;
        underWay = null;
        long pause = System.nanoTime();
        Optional<Prepared> prepared;
        try {
            prepared = preparation.await(waitNanos);
        } catch (TimeoutException e) {
            preparation.kill();
            String killed = "killed: not set up after %.1f s".formatted(underWayNanos() / 1e9);
            LayoutChange change =
                    log.add(attempt(preparation, Optional.empty(), decoded, pause, 0), now.ranks(), killed);
            if (begun.due < 0) {
                untold = new Untold(preparation, change, begun.state);
            } else {
                tell(change);
            }
            return now;
        } catch (InterruptedException e) {
            preparation.kill();
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        } catch (Preparation.FailedException e) {
            Throwable cause = e.getCause();
            Optional<LayoutPolicy.Proposal> proposal = Optional.empty();
            if (cause instanceof ProposalFailed failed) {
                proposal = Optional.of(failed.proposal);
                cause = failed.getCause();
            }
            tell(log.add(attempt(preparation, proposal, decoded, pause, 0), now.ranks(), reason(cause)));
            return now;
        }
        if (prepared.isEmpty()) {
            // Nothing is worth a change.
            return now;
        }
        Migration migration = prepared.get().migration;
        Optional<LayoutPolicy.Proposal> proposal = Optional.of(prepared.get().proposal);
        try {
            migration.complete(active, decoded);
        } catch (RuntimeException e) {
            migration.giveUp();
            tell(log.add(
                    attempt(preparation, proposal, decoded, pause, migration.bytes()), now.ranks(), reason(e)));
            return now;
        }
        try {
            now.closeExcept(migration.after());
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "the memory of a layout that was left is not freed", e);
        }
        tell(log.add(
                attempt(preparation, proposal, decoded, pause, migration.bytes()),
                now.ranks(),
                LayoutChange.SWITCHED));
        return migration.after();
    }

    private ChangeLog.Try attempt(
            Preparation<Prepared> preparation,
            Optional<LayoutPolicy.Proposal> proposal,
            int decoded,
            long pause,
            long bytes) {
        return new ChangeLog.Try(
                begun.state.plan().layout().name(),
                begun.kind,
                proposal,
                decoded,
                preparation.nanos(),
                pause,
                bytes);
    }

    private void tell(LayoutChange change) {
        // While killed work may still be using it, the policy is left alone.
        if (untold == null || untold.preparation.isDone()) {
            changes.policy().ifPresent(policy -> policy.ended(change, begun.state));
        }
    }

    private static String reason(Throwable cause) {
        return cause instanceof PlanException || cause instanceof ModelException
                ? "refused: " + cause.getMessage()
                : "failed: " + (cause instanceof RunFailedException ? cause.getMessage() : Deployment.describe(cause));
    }

    /** Mean time of the decode steps since the last call; NaN where there were none. */
    private double stepMs(int decoded) {
        long now = System.nanoTime();
        double ms = decoded == lastLook ? Double.NaN : (now - lastLookNanos) / 1e6 / (decoded - lastLook);
        lastLook = decoded;
        lastLookNanos = now;
        return ms;
    }

    /** The changes so far. */
    ChangeLog log() {
        return log;
    }

    /** Notes what was ordered and never came to it. */
    void end(int decoded) {
        if (underWay != null && begun.due >= 0) {
            log.missed(begun.due, begun.kind.orElseThrow(), decoded);
        }
        ordered.forEach(order -> log.missed(order.step(), order.kind(), decoded));
        ordered.clear();
        close();
    }

    /** Gives up what is under way, and waits a little until nothing of it uses the weights any more. */
    @Override
    public void close() {
        Preparation<Prepared> left = underWay;
        underWay = null;
        if (left != null) {
            left.kill();
            try {
                left.endsWithin(LAST_WAIT_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
