package io.maseparation.parallel.engine;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.KvCache;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Rope;
import io.maseparation.moe.StopStrings;
import io.maseparation.moe.TextStream;
import io.maseparation.moe.Tokenizer;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.execute.migrate.LayoutChanges;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.RankThreads;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.StepRows;
import io.maseparation.parallel.run.Equipment;
import io.maseparation.parallel.run.RunFailedException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * An engine on a plan, for those who have weights and no model. Safe for use by any number of threads.
 */
public final class EngineCore implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(EngineCore.class.getName());

    /** How long the engine's own thread, which never waits for others, may take to end. */
    private static final Duration GRACE = Duration.ofSeconds(30);

    /** Most changes of layout that are kept, the latest ones. */
    private static final int CHANGES = 100;

    private final Plan first;
    private final EngineLimits limits;
    private final BooleanSupplier open;
    /** Positions of the cache of each group. */
    private final int positions;
    private final int longest;
    private final boolean changing;
    private final RequestCheck check;
    private final LayoutChanges changes;
    private final RankThreads threads;
    private final Schedule schedule;
    private final StepLoop loop;
    private final Thread thread;
    private final Semaphore queue;
    private final AtomicLong numbers = new AtomicLong();
    private final Set<Completion> unfinished = ConcurrentHashMap.newKeySet();
    /** Guards what follows, and that nothing is posted to a loop that has ended. */
    private final Object lock = new Object();

    private @Nullable RuntimeException ended;
    private boolean closing;
    /** Whether a thread waits for those of the engine to end. */
    private boolean ending;
    private volatile boolean atRest;

    /**
     * Lays out buffers, builds all graphs and starts the threads.
     *
     * @param plan the plan
     * @param equipment weights, options and devices
     * @param limits what there is to be room for
     * @param tokenizer of the model, where there is one
     * @param open whether the model may still be used; looked at before every step
     * @throws ModelException if what the limits allow does not fit the memory
     * @throws PlanException if a rank holds more than a device may, or the layout is to change and cannot
     */
    public EngineCore(
            Plan plan, Equipment equipment, EngineLimits limits, Optional<Tokenizer> tokenizer,
            BooleanSupplier open) {
        this(plan, equipment, limits, tokenizer, open, BlockPool::new);
    }

    EngineCore(
            Plan plan, Equipment equipment, EngineLimits limits, Optional<Tokenizer> tokenizer,
            BooleanSupplier open, IntFunction<KvPool> pools) {
        first = Objects.requireNonNull(plan, "plan");
        this.limits = Objects.requireNonNull(limits, "limits");
        this.open = open;
        plan.checkHeldBy(equipment.weights().config());
        changing = !equipment.options().changes().isNone();
        LayoutChanges.check(equipment.options(), plan);
        // Whole blocks.
        positions = (int) Math.min(Integer.MAX_VALUE / KvCache.BLOCK * (long) KvCache.BLOCK,
                (long) KvCache.blocks(limits.kvPositions()) * KvCache.BLOCK);
        longest = Math.min(positions, plan.config().maxPositions() - 1);
        check = new RequestCheck(plan.config(), tokenizer, positions);
        Room room = room(plan);
        ModelConfig config = plan.config();
        Recorder recorder = Recorder.endless(plan.ranks().size(), config.layers().size(), config.maxExperts());
        IntConsumer onToken = equipment.options().onToken();
        queue = new Semaphore(limits.queue(), true);
        threads = new RankThreads(plan.rankNumbers(), equipment.options().stallTimeout());
        Deployment deployment = Deployment.start(plan, room, equipment);
        try {
            schedule = new Schedule(plan, room, limits.sequences(), limits.stepTokens(), false, pools);
            changes = new LayoutChanges(
                    equipment.options().changes(), new EngineSequences(schedule, equipment, this::room), CHANGES);
            loop = new StepLoop(deployment, threads, schedule, recorder, hooks(recorder, onToken));
            thread = Thread.ofPlatform().daemon().name("engine").start(this::run);
        } catch (RuntimeException | Error e) {
            // As where the system has no more threads to give.
            if (threads.close()) {
                deployment.close();
            }
            throw e;
        }
    }

    private StepLoop.Hooks hooks(Recorder recorder, IntConsumer onToken) {
        return new StepLoop.Hooks() {
            @Override
            public Deployment between(Deployment now, LayoutChanges.Done done) {
                return changes.between(now, done, recorder);
            }

            @Override
            public int steps(int done) {
                return changes.steps(done);
            }

            @Override
            public IntConsumer onToken() {
                return onToken;
            }
        };
    }

    private Room room(Plan plan) {
        int microBatches = plan.batching().microBatches();
        // Where groups may come and go, each has room for all sequences: those that stay are the same then.
        int each = Math.ceilDiv(limits.sequences(), (changing ? 1 : plan.groups()) * microBatches);
        int[] ofGroups = new int[plan.groups()];
        Arrays.fill(ofGroups, positions);
        return new Room(
                StepRows.even(plan.groups(), microBatches, limits.stepTokens() + each, each),
                ofGroups,
                contexts());
    }

    /** Lengths of requests whose angles there is a table for: all, or up to where each length has angles of its own. */
    private List<Integer> contexts() {
        return switch (first.config().attention().rope().scaling()) {
            case Rope.Dynamic dynamic -> List.of(Math.min(longest, dynamic.original() - 1));
            case Rope.LongRope rope -> List.of(Math.min(longest, rope.original() - 1), longest);
            default -> List.of(longest);
        };
    }

    private void run() {
        RuntimeException why;
        try {
            why = loop();
        } catch (InterruptedException e) {
            why = new RunFailedException("interrupted", e);
        } catch (RuntimeException e) {
            why = e;
        } catch (Error e) {
            why = new RunFailedException("the engine failed: " + e, e);
        }
        end(why);
    }

    private RuntimeException loop() throws InterruptedException {
        while (true) {
            loop.pass();
            synchronized (lock) {
                if (closing) {
                    return new RunFailedException("the engine is closed", null);
                }
            }
            if (!open.getAsBoolean()) {
                return new RunFailedException("the model was closed", null);
            }
            loop.await();
        }
    }

    private void end(RuntimeException why) {
        synchronized (lock) {
            ended = why;
        }
        // Before anything else, which may fail: nobody else tells those who wait.
        unfinished.forEach(completion -> completion.fail(why));
        unfinished.clear();
        loop.abort();
        // Whoever waits for a place in the queue looks at this again, and lets the next one do so.
        queue.release();
    }

    /**
     * Submits a request, which is refused where the queue is full.
     *
     * @param request what to generate
     * @return the request on its way
     * @throws ModelException if the model cannot run it, or no cache has room for it
     * @throws RejectedExecutionException if as many requests wait as the limits allow
     * @throws RunFailedException if the engine has failed or is closed
     */
    public Completion submit(GenerationRequest request) {
        requireRunning();
        int[] prompt = check.prompt(request);
        if (!queue.tryAcquire()) {
            throw new RejectedExecutionException(
                    "%s wait already, as many as the engine's 'queue' holds: try again later"
                            .formatted(Text.count(limits.queue(), "request")));
        }
        return accept(request, prompt);
    }

    /**
     * Submits a request, after waiting for a place in the queue where that is full.
     *
     * @param request what to generate
     * @return the request on its way
     * @throws ModelException if the model cannot run it, or no cache has room for it
     * @throws RunFailedException if the engine has failed or is closed
     * @throws InterruptedException if interrupted; the request is not submitted then
     */
    public Completion submitWaiting(GenerationRequest request) throws InterruptedException {
        requireRunning();
        int[] prompt = check.prompt(request);
        queue.acquire();
        return accept(request, prompt);
    }

    private void requireRunning() {
        synchronized (lock) {
            if (closing) {
                throw new RunFailedException("the engine is closed", null);
            }
            if (!open.getAsBoolean()) {
                throw new IllegalStateException("the model is closed");
            }
            if (ended != null) {
                throw new RunFailedException(Objects.requireNonNullElse(ended.getMessage(), ended.toString()), ended);
            }
        }
    }

    private Completion accept(GenerationRequest request, int[] prompt) {
        try {
            return start(request, prompt);
        } catch (RuntimeException | Error e) {
            queue.release();
            throw e;
        }
    }

    private Completion start(GenerationRequest request, int[] prompt) {
        long now = System.nanoTime();
        Optional<Tokenizer> tokenizer = check.tokenizer();
        Optional<TextStream> text = tokenizer.map(t -> new TextStream(
                t, request.stops().isEmpty() ? Optional.empty() : Optional.of(new StopStrings(t, request.stops()))));
        List<Integer> eos = request.ignoreEos() ? List.of() : first.config().vocabulary().eosTokens();
        // The way back from the answer to what generates it is known once both are there.
        Sequence[] made = new Sequence[1];
        Completion completion = new Completion(
                numbers.getAndIncrement(), Arrays.stream(prompt).boxed().toList(), tokenizer.isPresent(),
                cancelled -> post(() -> {
                    schedule.end(made[0], Finish.CANCELLED);
                    cancelled.stopWaiting(Finish.CANCELLED);
                }),
                unfinished::remove);
        Answer answer = new Answer(completion, text, Set.copyOf(eos), request.maxTokens(), queue::release);
        // An overlong timeout is none.
        Optional<Duration> timeout = request.timeout().filter(t -> t.toSeconds() < Integer.MAX_VALUE);
        long deadline = now + timeout.map(Duration::toNanos).orElse(0L);
        made[0] = new Sequence(
                new Sequence.Task(
                        0, prompt, 0, request.maxTokens(), request.sampler(), request.promptLogits()),
                answer,
                deadline,
                timeout.isPresent());
        request.onToken().ifPresent(listener -> completion.callBack(
                listener, failure -> post(() -> schedule.fail(made[0], -1, failure)), timeout));
        synchronized (lock) {
            requireRunning();
            unfinished.add(completion);
            loop.post(() -> schedule.add(made[0]));
        }
        completion.startCallback();
        return completion;
    }

    /** Does something before the next step, if there will be one. */
    private void post(Runnable work) {
        synchronized (lock) {
            if (ended == null) {
                loop.post(work);
            }
        }
    }

    /** {@return what it has room for} */
    public EngineLimits limits() {
        return limits;
    }

    /** {@return the plan that it runs now} */
    public Plan plan() {
        return loop.deployment().plan();
    }

    /** {@return the latest changes of its layout, at most a hundred, made or not} */
    public List<LayoutChange> changes() {
        return changes.log().all();
    }

    /** {@return whether it is closed, all its threads have ended and its memory is freed} */
    public boolean isAtRest() {
        return atRest;
    }

    /** Whether nothing waits or runs, and every cache is free. */
    CompletableFuture<Boolean> isIdle() {
        CompletableFuture<Boolean> idle = new CompletableFuture<>();
        post(() -> idle.complete(schedule.isEmpty() && schedule.positionsUsed() == 0));
        return idle;
    }

    /** {@return whether the calling thread is a rank's, which cannot wait for itself to end} */
    public boolean isRankCalling() {
        return threads.haveCaller();
    }

    /**
     * Ends all requests, with a {@link RunFailedException} that says so, and then all threads, and frees the devices'
     * memory; where a rank's thread calls this, another thread does so. Callbacks are interrupted and not waited for.
     * Can be called again, and by any thread: where a rank took too long to end, that frees what was left; whoever
     * comes while another waits for it does not wait.
     */
    @Override
    public void close() {
        if (isRankCalling()) {
            Thread.ofVirtual().name("closing").start(this::close);
            return;
        }
        synchronized (lock) {
            closing = true;
            if (ending || atRest) {
                return;
            }
            ending = true;
        }
        loop.post(() -> {});
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    if (comesToRest()) {
                        loop.deployment().close();
                        atRest = true;
                    } else {
                        LOG.log(System.Logger.Level.WARNING,
                                "a rank still runs; neither the devices' memory nor the weights are freed until the engine is closed again");
                    }
                    break;
                } catch (InterruptedException e) {
                    // What is left to do is short, and memory would be lost.
                    interrupted = true;
                }
            }
        } finally {
            synchronized (lock) {
                ending = false;
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private boolean comesToRest() throws InterruptedException {
        if (!thread.join(GRACE)) {
            threads.close();
            return false;
        }
        // Nobody else looks at them any more.
        boolean changesEnd = changes.close();
        return threads.close() && changesEnd;
    }
}
