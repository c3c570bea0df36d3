package io.maseparation.parallel.execute.migrate;

import io.maseparation.files.ModelException;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.change.LayoutChange.Kind;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.RunFailedException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Takes a run or an engine from layout to layout. One change is under way at a time: a thread of its own decides and
 * sets it up while steps go on, and the run switches over between two steps. A change that fails, or takes too long, is
 * given up, and the old layout goes on.
 */
public final class LayoutChanges {
    /** Steps between two looks at whether a change is ready. */
    private static final int STEPS_WHILE_PREPARING = 2;

    /**
     * Steps that an ordered change is begun before it is due: late enough to know the loads, early enough to be ready.
     */
    private static final int LEAD = 4;

    private static final long LAST_WAIT_MILLIS = 5_000;

    private final Changes changes;
    private final LiveSequences sequences;
    private final Deque<Changes.Ordered> ordered;
    private final ChangeLog log;
    private final List<Preparation<Prepared>> killed = new ArrayList<>();
    private Optional<Begun> underWay = Optional.empty();
    private Optional<Untold> untold = Optional.empty();
    private int nextLook;
    private int lastLook;
    private long lastLookNanos;

    /**
     * Steps done.
     *
     * @param steps their number
     * @param nanos time that they took together
     */
    public record Done(int steps, long nanos) {}

    /** What became of setting up a proposal. */
    private sealed interface Prepared {
        LayoutPolicy.Proposal proposal();
    }

    /** A change that can be switched to. */
    private record Ready(LayoutPolicy.Proposal proposal, Migration migration) implements Prepared {}

    /** A change that cannot be made. */
    private record Failed(LayoutPolicy.Proposal proposal, Throwable cause) implements Prepared {}

    /**
     * A change that was begun.
     *
     * @param state the run then
     * @param due decode step to switch at; −1 for as soon as possible
     * @param kind what moves, if that is known
     * @param preparation the work on it
     */
    private record Begun(LiveState state, int due, Optional<Kind> kind, Preparation<Prepared> preparation) {
        boolean ordered() {
            return due >= 0;
        }
    }

    /** A change of the policy's that was killed and that it has not been told of: it may still be at work on it. */
    private record Untold(Begun begun, LayoutChange change) {}

    /**
     * Changes that have not begun.
     *
     * @param changes which are made, and when
     * @param sequences what moves
     * @param kept most changes that the log keeps, the latest ones
     */
    public LayoutChanges(Changes changes, LiveSequences sequences, int kept) {
        this.changes = changes;
        this.sequences = sequences;
        log = new ChangeLog(kept);
        ordered = new ArrayDeque<>(changes.ordered());
        nextLook = changes.policy().map(LayoutPolicy::interval).orElse(Integer.MAX_VALUE);
    }

    /**
     * Complains of changes that a layout, or its devices, cannot go through.
     *
     * @param options which changes are to be made, on which devices
     * @param plan the plan that they begin with
     * @throws PlanException if there are any, and the layout has no two pools, or a device captures CUDA graphs
     */
    public static void check(ExecutionOptions options, Plan plan) {
        if (options.changes().isNone()) {
            return;
        }
        if (!(plan.layout() instanceof Layout.Separated)) {
            throw new PlanException("only the layout of strategy ma changes in a run, the strategy is "
                    + plan.layout().strategy().id());
        }
        // When a rank is freed, TornadoVM unpins the arrays of all ranks on its GPU, and graphs that were captured take
        // theirs from pages that are not pinned any more: the next launch fails.
        if (options.devices().stream().map(Device::target).anyMatch(t -> t.cudaGraphs() && !t.embedded())) {
            throw new PlanException(
                    "a layout does not change where CUDA graphs are captured: TornadoVM unpins what they"
                            + " take from the host when a rank is freed; leave out one of both");
        }
    }

    /**
     * {@return most steps that may run until {@link #between} is to be called again}
     *
     * @param decoded steps done
     */
    public int steps(int decoded) {
        if (underWay.isPresent()) {
            Begun begun = underWay.get();
            if (begun.ordered()) {
                return begun.due - decoded;
            }
            int untilDue = ordered.isEmpty() ? STEPS_WHILE_PREPARING : ordered.getFirst().step() - decoded;
            return Math.clamp(untilDue, 1, STEPS_WHILE_PREPARING);
        }
        int next = nextLook;
        if (!ordered.isEmpty()) {
            next = Math.min(next, ordered.getFirst().step() - LEAD);
        }
        return next == Integer.MAX_VALUE ? next : Math.max(1, next - decoded);
    }

    /**
     * Looks at the run between two steps.
     *
     * @param now the deployment it is on
     * @param at steps done
     * @param recorder what the ranks did
     * @return the deployment to go on with; {@code now}, or another one, and then {@code now} is freed as far as
     *     possible
     */
    public Deployment between(Deployment now, Done at, Recorder recorder) {
        int decoded = at.steps;
        if (decoded == 0) {
            lastLookNanos = at.nanos;
        }
        Deployment next = now;
        while (underWay.isPresent() || begin(next, at, recorder)) {
            Begun begun = underWay.orElseThrow();
            long left = TimeUnit.NANOSECONDS.convert(changes.patience()) - begun.preparation.nanos();
            // An ordered change is made where it was ordered: it is waited for, and so is the policy's before it.
            boolean due = begun.ordered()
                    ? begun.due <= decoded
                    : !ordered.isEmpty() && ordered.getFirst().step() <= decoded;
            if (!due && (begun.ordered() || (!begun.preparation.isDone() && left >= 0))) {
                break;
            }
            underWay = Optional.empty();
            next = finish(begun, next, decoded, due ? Math.max(0, left) : 0);
        }
        return next;
    }

    private LiveState state(Deployment now, Done at, Recorder recorder) {
        LiveSequences.Where where = sequences.where(now, at.steps);
        return new LiveState(
                now.plan(), where.owners(), where.positions(), at.steps, where.remaining(), recorder.loads(),
                stepMs(at));
    }

    /** Begins the next change, if there is one to be begun. */
    private boolean begin(Deployment now, Done at, Recorder recorder) {
        int decoded = at.steps;
        if (!ordered.isEmpty() && ordered.getFirst().step() - decoded <= LEAD) {
            Changes.Ordered order = ordered.removeFirst();
            LiveState state = state(now, at, recorder);
            start(state, order.step(), Optional.of(order.kind()), () -> {
                Target target = Objects.requireNonNull(order.target().apply(state), "the change has no target");
                return Optional.of(prepare(
                        now, state, new LayoutPolicy.Proposal(target, order.kind(), Double.NaN)));
            });
            return true;
        }
        if (changes.policy().isEmpty() || decoded < nextLook || sequences.where(now, decoded).remaining() <= 0) {
            return false;
        }
        LayoutPolicy policy = changes.policy().get();
        nextLook = decoded + policy.interval();
        if (untold.isPresent()) {
            Begun begun = untold.get().begun;
            if (!begun.preparation.isDone()) {
                return false;
            }
            tell(policy, untold.get().change, begun.state);
            untold = Optional.empty();
        }
        LiveState state = state(now, at, recorder);
        start(state, -1, Optional.empty(),
                () -> Objects.requireNonNull(policy.propose(state), "the policy gave no answer")
                        .map(proposal -> prepare(now, state, proposal)));
        return true;
    }

    private void start(LiveState state, int due, Optional<Kind> kind, Supplier<Optional<Prepared>> work) {
        underWay = Optional.of(new Begun(state, due, kind, Preparation.start(work, LayoutChanges::giveUp)));
    }

    private Prepared prepare(Deployment now, LiveState state, LayoutPolicy.Proposal proposal) {
        try {
            return new Ready(proposal, sequences.prepare(now, state, proposal.target()));
        } catch (RuntimeException | Error e) {
            return new Failed(proposal, e);
        }
    }

    private static void giveUp(Prepared prepared) {
        if (prepared instanceof Ready ready) {
            ready.migration.giveUp();
        }
    }

    private void kill(Begun begun) {
        killed.removeIf(Preparation::isDone);
        killed.add(begun.preparation);
        begun.preparation.kill();
    }

    private Deployment finish(Begun begun, Deployment now, int decoded, long waitNanos) {
        long pause = System.nanoTime();
        try {
            Optional<Prepared> prepared = begun.preparation.await(waitNanos);
            // Otherwise nothing is worth a change.
            if (prepared.isPresent()) {
                return finish(begun, prepared.get(), now, decoded, pause);
            }
        } catch (TimeoutException e) {
            kill(begun);
            String outcome = "killed: not set up after %.1f s".formatted(begun.preparation.nanos() / 1e9);
            LayoutChange change = note(begun, Optional.empty(), decoded, pause, 0, outcome);
            if (begun.ordered()) {
                tell(begun, change);
            } else {
                untold = Optional.of(new Untold(begun, change));
            }
        } catch (InterruptedException e) {
            kill(begun);
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        } catch (ExecutionException e) {
            String outcome = reason(Objects.requireNonNullElse(e.getCause(), e));
            tell(begun, note(begun, Optional.empty(), decoded, pause, 0, outcome));
        }
        return now;
    }

    private Deployment finish(Begun begun, Prepared prepared, Deployment now, int decoded, long pause) {
        Deployment next = now;
        long bytes = 0;
        String outcome = LayoutChange.SWITCHED;
        switch (prepared) {
            case Failed(LayoutPolicy.Proposal _, Throwable cause) -> outcome = reason(cause);
            case Ready(LayoutPolicy.Proposal _, Migration migration) -> {
                try {
                    migration.complete();
                    next = migration.after();
                } catch (RuntimeException | Error e) {
                    migration.giveUp();
                    outcome = reason(e);
                }
                bytes = migration.bytes();
            }
        }
        if (!next.equals(now)) {
            now.closeExcept(next);
        }
        tell(begun, note(begun, Optional.of(prepared.proposal()), decoded, pause, bytes, outcome));
        return next;
    }

    /**
     * Notes a change, made or not, that ends now.
     *
     * @param proposal the layout after, if there was one
     * @param pause when the steps were paused for it
     * @param bytes bytes moved
     */
    private LayoutChange note(
            Begun begun, Optional<LayoutPolicy.Proposal> proposal, int decoded, long pause, long bytes,
            String outcome) {
        long end = System.nanoTime();
        String from = begun.state.plan().layout().name();
        LayoutChange change = new LayoutChange(
                decoded,
                proposal.map(LayoutPolicy.Proposal::kind).or(begun::kind).orElse(Kind.EXPERTS),
                from,
                proposal.map(p -> p.target().setup().layout().name()).orElse(from),
                proposal.map(LayoutPolicy.Proposal::gainMs).orElse(Double.NaN),
                new LayoutChange.Cost(bytes, begun.preparation.nanos() / 1e6, (end - pause) / 1e6),
                outcome.equals(LayoutChange.SWITCHED),
                outcome);
        log.add(change, begun.state.plan().ranks().size(), pause, end);
        return change;
    }

    private void tell(Begun begun, LayoutChange change) {
        // While killed work may still be using it, the policy is left alone.
        if (untold.isEmpty() || untold.get().begun.preparation.isDone()) {
            changes.policy().ifPresent(policy -> tell(policy, change, begun.state));
        }
    }

    private static void tell(LayoutPolicy policy, LayoutChange change, LiveState state) {
        try {
            policy.ended(change, state);
        } catch (RuntimeException e) {
            throw new RunFailedException("the policy of layout changes failed: " + e, e);
        }
    }

    private static String reason(Throwable cause) {
        return cause instanceof PlanException || cause instanceof ModelException
                ? "refused: " + cause.getMessage()
                : "failed: " + (cause instanceof RunFailedException ? cause.getMessage() : Deployment.describe(cause));
    }

    /** Mean time of the steps since the last call; NaN where there were none. */
    private double stepMs(Done at) {
        double ms = at.steps == lastLook ? Double.NaN : (at.nanos - lastLookNanos) / 1e6 / (at.steps - lastLook);
        lastLook = at.steps;
        lastLookNanos = at.nanos;
        return ms;
    }

    /** {@return the changes so far} */
    public ChangeLog log() {
        return log;
    }

    /**
     * Gives up what is under way, and notes what was ordered and never reached.
     *
     * @param decoded steps done
     */
    public void end(int decoded) {
        underWay.filter(Begun::ordered)
                .ifPresent(begun -> log.missed(begun.due, begun.kind.orElseThrow(), decoded));
        ordered.forEach(order -> log.missed(order.step(), order.kind(), decoded));
        ordered.clear();
        giveUp();
    }

    private void giveUp() {
        underWay.ifPresent(this::kill);
        underWay = Optional.empty();
    }

    /**
     * Gives up what is under way, and waits for a while until nothing that was killed uses the weights or a device.
     *
     * @return whether nothing does
     */
    public boolean close() {
        giveUp();
        try {
            for (Preparation<Prepared> preparation : killed) {
                if (!preparation.endsWithin(LAST_WAIT_MILLIS)) {
                    return false;
                }
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
