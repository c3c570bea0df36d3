package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.migrate.LayoutChanges;
import io.maseparation.parallel.execute.rank.Crew;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Heartbeat;
import io.maseparation.parallel.execute.rank.Ranks;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.execute.rank.StepFeed;
import io.maseparation.parallel.execute.rank.StepListener;
import io.maseparation.parallel.execute.rank.Team;
import io.maseparation.parallel.run.LogitsListener;
import io.maseparation.parallel.run.RunFailedException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The one loop that decides what runs: it takes in sequences, hands ranks one step after the other, ahead of time, and
 * passes on what they sampled. Its methods are for one thread, except for {@link #post}; ranks report to it from
 * theirs.
 *
 * <p>A step is issued while the one before runs. What that samples is not known then: a row that follows has no token
 * in it, and takes the one that its rank sampled. Where a sequence turns out to have ended there, its row is dropped.
 */
public final class StepLoop {
    /** Longest time between two looks at whether ranks are stuck. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Ranks ranks;
    private final Schedule schedule;
    private final Hooks hooks;
    private final Recorder recorder;
    private final Heartbeat heartbeat;
    private final Reports reports = new Reports();
    private final Deque<Flight> flights = new ArrayDeque<>();
    private volatile Deployment deployment;
    private Crew crew;
    private int nextStep;
    private int decoded;
    private int nextLook;
    private boolean prefilling = true;
    private long busySince;
    /** Time that steps were under way, up to when there was none. */
    private long busyNanos;
    private long lastLook = System.nanoTime();
    private long prefillEnd;

    /** What a loop does beside its steps. */
    public interface Hooks {
        /**
         * {@return the deployment to go on with after some decode steps; the present one to stay} No step is under way.
         *
         * @param now the present one
         * @param done decode steps done, or all steps where prompts are taken in beside them
         */
        default Deployment between(Deployment now, LayoutChanges.Done done) {
            return now;
        }

        /**
         * {@return such steps until {@link #between} is to be called, at least 1}
         *
         * @param done steps done
         */
        default int steps(int done) {
            return Integer.MAX_VALUE;
        }

        /** {@return what sees all logits} */
        default Optional<LogitsListener> logits() {
            return Optional.empty();
        }

        /** {@return what is called with a sequence's number for every token, on a rank's thread} */
        default IntConsumer onToken() {
            return number -> {};
        }
    }

    /**
     * A step that has not ended.
     *
     * @param members sequences with rows in it
     * @param ends for each of them the position behind its last row
     */
    private record Flight(int step, boolean prefill, List<Sequence> members, int[] ends) {
        void end(Schedule schedule) {
            for (int i = 0; i < ends.length; i++) {
                schedule.stepEnded(members.get(i), ends[i]);
            }
        }
    }

    /** What ranks report, until the loop looks at it. */
    private final class Reports implements StepListener {
        private final Queue<Runnable> queue = new ConcurrentLinkedQueue<>();
        private volatile @Nullable Thread sleeper;

        void add(Runnable report) {
            queue.add(report);
            wake();
        }

        private void wake() {
            Thread waiting = sleeper;
            if (waiting != null) {
                LockSupport.unpark(waiting);
            }
        }

        @Override
        public void sampled(int slot, int index, int token, float @Nullable [] logits, long nanos) {
            hooks.onToken().accept(schedule.number(slot));
            queue.add(() -> schedule.sampled(slot, index, token, logits, nanos));
        }

        @Override
        public void failed(int slot, int index, int rank, RuntimeException cause) {
            queue.add(() -> schedule.failed(slot, index, rank, cause));
        }

        /** The loop is woken once for all of them: the rank's next step waits meanwhile. */
        @Override
        public void batchSampled() {
            wake();
        }

        @Override
        public void ended(int step) {
            long nanos = System.nanoTime();
            add(() -> stepEnded(step, nanos));
        }

        @Override
        public void broken(int rank, Throwable cause) {
            add(() -> {
                throw Deployment.failure(deployment.plan().ranks().get(rank), cause);
            });
        }
    }

    /**
     * Sets the ranks to work; they wait for steps.
     *
     * @param deployment the plan on its devices
     * @param ranks where its ranks live
     * @param schedule decides what goes into steps
     * @param recorder what the ranks do when
     * @param hooks what there is beside steps
     */
    public StepLoop(
            Deployment deployment, Ranks ranks, Schedule schedule, Recorder recorder, Hooks hooks) {
        this.deployment = deployment;
        this.ranks = ranks;
        this.schedule = schedule;
        this.recorder = recorder;
        this.hooks = hooks;
        heartbeat = new Heartbeat(deployment.ranks());
        crew = start(deployment);
    }

    private Crew start(Deployment deployment) {
        return ranks.start(
                deployment, new Team(recorder, schedule.slots(), reports, hooks.logits(), heartbeat));
    }

    /**
     * Has the loop's thread do something before its next step. For any thread.
     *
     * @param work what to do; what it throws ends the loop
     */
    public void post(Runnable work) {
        reports.add(work);
    }

    /**
     * Does what can be done now: takes in what ranks reported, and issues steps.
     *
     * @throws RunFailedException if a rank has failed or is stuck; it says which
     */
    public void pass() {
        for (Runnable report = reports.queue.poll(); report != null; report = reports.queue.poll()) {
            report.run();
        }
        schedule.expire(System.nanoTime());
        while (flights.size() < StepFeed.AHEAD && issue()) {
            // One more.
        }
        checkProgress();
    }

    /** Issues a step, if there is one. */
    private boolean issue() {
        schedule.admit();
        boolean prefill = schedule.hasPrompts();
        if (!schedule.apart() || !prefill) {
            // A run's decode steps are timed on their own, and may go on in another layout.
            int done = schedule.apart() ? decoded : nextStep;
            boolean look = done >= nextLook;
            if ((look || (prefilling && schedule.apart())) && !flights.isEmpty()) {
                return false;
            }
            prefilling = false;
            if (look && schedule.hasRows()) {
                change(hooks.between(deployment, new LayoutChanges.Done(done, busyNanos)));
                // Those who gave back their cache may be all there are.
                schedule.admit();
                nextLook = (int) Math.min(Integer.MAX_VALUE, (long) done + hooks.steps(done));
            }
        }
        List<Sequence> members = new ArrayList<>();
        List<Step.Work> rows = schedule.next(prefill, members);
        boolean released = schedule.preempt();
        if (rows.isEmpty()) {
            return released;
        }
        if (flights.isEmpty()) {
            busySince = System.nanoTime();
        }
        Step step = new Step(nextStep++, rows);
        flights.add(new Flight(
                step.number(), step.prefill(), members, members.stream().mapToInt(s -> s.next).toArray()));
        decoded += step.prefill() ? 0 : 1;
        crew.issue(step);
        return true;
    }

    private void change(Deployment next) {
        if (next.equals(deployment)) {
            return;
        }
        // The old one is freed already.
        deployment = next;
        end();
        crew = start(next);
    }

    private void stepEnded(int step, long nanos) {
        Flight flight = flights.stream().filter(f -> f.step == step).findFirst().orElseThrow();
        flights.remove(flight);
        if (flights.isEmpty()) {
            busyNanos += nanos - busySince;
        }
        if (flight.prefill) {
            prefillEnd = nanos;
        }
        flight.end(schedule);
    }

    private void checkProgress() {
        long now = System.nanoTime();
        if (!flights.isEmpty() && now - lastLook > LOOK_NANOS) {
            lastLook = now;
            crew.stuck(busySince).ifPresent(what -> {
                throw new RunFailedException(what, null);
            });
        }
    }

    /**
     * Waits until there may be something to do.
     *
     * @throws InterruptedException if interrupted
     */
    public void await() throws InterruptedException {
        long nanos = flights.isEmpty() ? Long.MAX_VALUE : LOOK_NANOS;
        nanos = Math.min(nanos, schedule.nanosToDeadline(System.nanoTime()));
        reports.sleeper = Thread.currentThread();
        try {
            if (reports.queue.isEmpty() && nanos > 0) {
                LockSupport.parkNanos(this, nanos);
            }
        } finally {
            reports.sleeper = null;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /**
     * Goes on until all sequences have ended.
     *
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     * @throws InterruptedException if interrupted
     */
    public void runToEnd() throws InterruptedException {
        pass();
        while (!schedule.isEmpty() || !flights.isEmpty()) {
            await();
            pass();
        }
    }

    /**
     * Waits until all ranks are at rest, when all sequences have ended.
     *
     * @throws RunFailedException if a rank does not come to rest, or the thread is interrupted
     */
    public void end() {
        try {
            if (!crew.end()) {
                throw new RunFailedException("a rank does not come to rest: " + heartbeat.busyRanks(), null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
    }

    /** Ends the ranks' work where it is. */
    public void abort() {
        crew.abort();
    }

    /** {@return what the plan is on now} For any thread. */
    public Deployment deployment() {
        return deployment;
    }

    /** {@return decode steps issued so far: steps without a prompt token} */
    public int decoded() {
        return decoded;
    }

    /** {@return when the last step with prompt tokens ended} */
    public long prefillEndNanos() {
        return prefillEnd;
    }
}
