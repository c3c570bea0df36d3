package io.maseparation.parallel.execute;

import io.maseparation.parallel.engine.Finish;
import io.maseparation.parallel.engine.Schedule;
import io.maseparation.parallel.engine.StepLoop;
import io.maseparation.parallel.execute.migrate.LayoutChanges;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.LeaderRanks;
import io.maseparation.parallel.execute.rank.RankThreads;
import io.maseparation.parallel.execute.rank.Ranks;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.LogitsListener;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.TokenListener;
import io.maseparation.parallel.run.Workload;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Runs a plan, with one thread per rank, each of which drives its device: in this process, or where there are several
 * and this one leads them, in each its own.
 */
public final class PlanExecutor implements AutoCloseable {
    private final Job job;
    private final Workload workload;
    private final Ranks ranks;
    private final WorkloadSequences sequences;
    private final LayoutChanges changes;
    private final long setupNanos;
    private Deployment deployment;
    private boolean spent;
    private boolean closed;
    private boolean atRest;
    /** Guards what follows. */
    private final Object lock = new Object();

    private boolean cancelled;
    /** Ends the run that is under way. */
    private Runnable running = () -> {};

    /**
     * Lays out buffers and builds all graphs; nothing runs yet.
     *
     * @param plan the plan
     * @param job what is run
     * @throws io.maseparation.files.ModelException if the workload does not fit the model, or the memory
     * @throws PlanException if the plan is for a model of another shape, a rank holds more than a device may, or the
     *     layout is to change and cannot
     */
    public PlanExecutor(Plan plan, Job job) {
        Objects.requireNonNull(plan, "plan");
        Objects.requireNonNull(job, "job");
        ExecutionOptions options = job.options();
        this.job = job;
        workload = job.workload();
        workload.check(job.weights().config());
        plan.checkHeldBy(job.weights().config());
        LayoutChanges.check(options, plan);
        job.processes().ifPresent(processes -> RankProcess.check(plan, job, processes));
        long start = System.nanoTime();
        deployment = Deployment.start(plan, job);
        ranks = ranks(plan);
        sequences = new WorkloadSequences(job);
        changes = new LayoutChanges(options.changes(), sequences, Integer.MAX_VALUE);
        setupNanos = System.nanoTime() - start;
    }

    /**
     * {@return an executor, where ranks are processes after they have found out whether they fit their GPUs} Other
     * processes call {@link RankProcess#join}.
     *
     * @param plan the plan
     * @param job what is run
     * @throws io.maseparation.files.ModelException as the constructor
     * @throws PlanException as the constructor, or if ranks that share a GPU do not fit it together
     */
    public static PlanExecutor lead(Plan plan, Job job) {
        if (job.processes().isPresent()) {
            SharedGpus.check(plan, job);
        }
        return new PlanExecutor(plan, job);
    }

    private Ranks ranks(Plan plan) {
        if (job.processes().isEmpty()) {
            return new RankThreads(plan.rankNumbers(), job.options().stallTimeout());
        }
        LeaderRanks leader = new LeaderRanks(job.processes().get(), job.options().stallTimeout());
        try {
            leader.awaitReady();
        } catch (RuntimeException e) {
            if (leader.close()) {
                deployment.close();
            }
            throw e;
        }
        return leader;
    }

    /**
     * Runs the workload.
     *
     * @return tokens and measurements
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     * @throws IllegalStateException as the other one
     */
    public RunResult run() {
        return run((sequence, token) -> {});
    }

    /**
     * Runs the workload. Where it ran to its end, the layout does not change and ranks are threads, it can run again,
     * on the same ranks, with what devices do for the first time behind them.
     *
     * @param listener sees every token as it comes, on this thread: the next step waits for it
     * @return tokens and measurements
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     * @throws IllegalStateException if it cannot run again, or after {@link #close()}
     */
    public RunResult run(TokenListener listener) {
        if (closed || spent) {
            throw new IllegalStateException(
                    closed ? "the executor is closed" : "this executor cannot run again: make another one");
        }
        spent = true;
        Plan plan = deployment.plan();
        Recorder recorder = new Recorder(
                plan.ranks().size(),
                plan.config().layers().size(),
                plan.config().maxExperts(),
                job.options().transfers());
        Collector collector = new Collector(workload, plan.config(), () -> deployment.plan(), listener);
        Schedule schedule = new Schedule(
                plan, deployment.room(), workload.prompts().size(), workload.prefillChunk(), true);
        schedule.add(collector.sequences(), deployment.shares());
        long start = System.nanoTime();
        StepLoop loop = new StepLoop(
                deployment, ranks, schedule, recorder, hooks(schedule, recorder, collector));
        synchronized (lock) {
            running = () -> loop.post(
                    () -> collector.sequences().forEach(s -> schedule.end(s, Finish.CANCELLED)));
            if (cancelled) {
                running.run();
            }
        }
        try {
            loop.runToEnd();
        } catch (InterruptedException e) {
            loop.abort();
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        } catch (RuntimeException | Error e) {
            loop.abort();
            throw e;
        }
        long end = System.nanoTime();
        loop.end();
        changes.end(loop.decoded());
        recorder.endLayout(expertRanks(deployment.plan()));
        synchronized (lock) {
            running = () -> {};
            spent = cancelled || !job.runsAgain();
        }
        return new ResultBuilder(deployment, job, recorder, collector)
                .build(setupNanos, start, loop.prefillEndNanos(), end, loop.decoded(), changes.log());
    }

    /**
     * Ends the run by its next step, or as soon as it begins: {@link #run()} returns what there is by then. For any
     * thread.
     */
    public void cancel() {
        synchronized (lock) {
            cancelled = true;
            running.run();
        }
    }

    /** {@return whether it was cancelled} */
    public boolean isCancelled() {
        synchronized (lock) {
            return cancelled;
        }
    }

    private StepLoop.Hooks hooks(Schedule schedule, Recorder recorder, Collector collector) {
        return new StepLoop.Hooks() {
            @Override
            public Deployment between(Deployment now, LayoutChanges.Done done) {
                sequences.at(collector.active(), done.steps());
                deployment = changes.between(now, done, recorder);
                if (!deployment.equals(now)) {
                    recorder.endLayout(expertRanks(now.plan()));
                    schedule.change(
                            deployment.plan(), deployment.room(), collector.sequences(), deployment.shares());
                }
                return deployment;
            }

            @Override
            public int steps(int decoded) {
                return changes.steps(decoded);
            }

            @Override
            public Optional<LogitsListener> logits() {
                return job.logits();
            }

            @Override
            public IntConsumer onToken() {
                return job.options().onToken();
            }
        };
    }

    private static List<Integer> expertRanks(Plan plan) {
        return plan.ranks().stream()
                .filter(rank -> rank.shard().experts().isPresent())
                .map(RankPlan::rank)
                .toList();
    }

    /** {@return whether it is closed, all its threads have ended and its memory is freed} */
    public boolean isAtRest() {
        return atRest;
    }

    /** Ends the ranks' threads and frees the devices' memory, also where the calling thread was interrupted. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = Thread.interrupted();
        boolean changesEnded = changes.close();
        if (ranks.close() && changesEnded) {
            deployment.close();
            atRest = true;
        } else {
            System.getLogger(PlanExecutor.class.getName()).log(
                    System.Logger.Level.WARNING,
                    "a rank or a change of layout still runs; neither the devices' memory nor the weights are freed");
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
