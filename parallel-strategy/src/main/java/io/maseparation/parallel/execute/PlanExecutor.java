package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelException;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.comm.RunAbortedException;
import io.maseparation.parallel.plan.Op;
import io.maseparation.parallel.plan.Plan;
import io.maseparation.parallel.plan.PlanException;
import io.maseparation.parallel.plan.RankPlan;
import io.maseparation.parallel.plan.Tensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Runs a plan: one thread a rank, each driving its device. */
public final class PlanExecutor implements AutoCloseable {
    /** Steps between two looks at which sequences have ended, where they may. */
    private static final int STEPS_BETWEEN_CHECKS = 16;

    /** How long ranks may take to stop after another one failed. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private static final System.Logger LOG = System.getLogger(PlanExecutor.class.getName());

    private final Plan plan;
    private final ModelWeights weights;
    private final ExecutionOptions options;
    private final Workload workload;
    private final Shares shares;
    private final StepSchedule schedule;
    private final List<Device> devices;
    private final List<Capacity> capacities = new ArrayList<>();
    private final List<RankDevice> rankDevices = new ArrayList<>();
    private final List<ExecutorService> threads = new ArrayList<>();

    /**
     * Lays out buffers and builds all graphs; nothing runs yet.
     *
     * @throws io.maseparation.moe.ModelException if the workload does not fit the model, or the memory
     * @throws PlanException if a rank holds more than a device may
     */
    public PlanExecutor(Plan plan, ModelWeights weights, Workload workload, ExecutionOptions options) {
        workload.check(weights.config());
        this.plan = plan;
        this.weights = weights;
        this.workload = workload;
        this.options = options;
        int microBatches = plan.options().microBatches();
        shares = Shares.of(workload, plan);
        schedule = new StepSchedule(workload, shares, plan.groups(), microBatches);
        int ranks = plan.ranks().size();
        List<Device> given = options.devices().isEmpty() ? Device.forRanks(ranks) : options.devices();
        devices = new ArrayList<>();
        int maxContext = java.util.Arrays.stream(shares.capacity()).max().orElse(1);
        for (RankPlan rank : plan.ranks()) {
            devices.add(given.get(plan.devices().get(rank.rank()) % given.size()));
            boolean hasRows = rank.group() >= 0;
            capacities.add(new Capacity(
                    hasRows ? schedule.groupRows(rank.group()) : 0,
                    schedule.receivedRows(senders(rank)),
                    hasRows ? schedule.outputRows(rank.group()) : 0,
                    hasRows ? shares.groupPositions()[rank.group()] : 0,
                    maxContext,
                    options.kvType()));
        }
        if (devices.stream().map(Device::target).anyMatch(t -> t.embedded() && !t.vectorApi())) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "slow kernels: the fast ones need the JVM option --add-modules jdk.incubator.vector");
        }
        MemoryCheck.check(plan, capacities, options.deviceMemory());
        for (RankPlan rank : plan.ranks()) {
            try {
                rankDevices.add(new RankDevice(
                        devices.get(rank.rank()),
                        weights,
                        rank.shard(),
                        capacities.get(rank.rank()),
                        rank.segments()));
                fillCache(rank);
            } catch (RuntimeException | OutOfMemoryError e) {
                close();
                throw failure(rank, e);
            }
            threads.add(Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().daemon().name("rank-" + rank.rank()).factory()));
        }
    }

    private void fillCache(RankPlan rank) {
        if (workload.depth() == 0 || rank.shard().attention().isEmpty()) {
            return;
        }
        for (List<Integer> microBatch : shares.sequences().get(rank.group())) {
            for (int sequence : microBatch) {
                rankDevices
                        .get(rank.rank())
                        .fillCache(
                                workload.seed(),
                                sequence,
                                shares.kvBase()[sequence],
                                shares.capacity()[sequence],
                                workload.depth());
            }
        }
    }

    private static RunFailedException failure(RankPlan rank, Throwable cause) {
        return new RunFailedException(
                "rank %d (%s): %s".formatted(rank.rank(), rank.role().id(), describe(cause)), cause);
    }

    /** Groups whose rows may arrive for the rank's experts: each row at most once. */
    private Set<Integer> senders(RankPlan rank) {
        Set<Integer> groups = new HashSet<>();
        for (Op op : rank.chain()) {
            List<Integer> from =
                    switch (op) {
                        case Op.Recv(List<Integer> peers, Tensor tensor, int layer) when tensor == Tensor.DISPATCH -> peers;
                        case Op.AllToAll(List<Integer> rail, Tensor tensor, int layer) -> rail;
                        default -> List.of();
                    };
            if (!from.isEmpty()) {
                from.forEach(peer -> groups.add(plan.ranks().get(peer).group()));
                // All layers exchange with the same ranks.
                return groups;
            }
        }
        return groups;
    }

    /**
     * Runs the workload. Call it once.
     *
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     */
    public RunResult run() {
        int n = workload.prompts().size();
        int ranks = plan.ranks().size();
        Communicator comm = new InProcessCommunicator(ranks);
        Recorder recorder = new Recorder(
                ranks,
                plan.placement().copies(),
                plan.config().layers().size(),
                plan.config().maxExperts(),
                options.transfers());
        Sequences sequences = new Sequences(n, options.onToken());
        Heartbeat heartbeat = new Heartbeat(ranks);
        RunContext context = new RunContext(workload, shares, comm, recorder, sequences, heartbeat);
        List<RankWorker> workers = new ArrayList<>();
        for (int rank = 0; rank < ranks; rank++) {
            workers.add(new RankWorker(plan, rank, rankDevices.get(rank), context));
        }
        long start = System.nanoTime();
        List<Step> prefill = schedule.prefill();
        runSteps(workers, prefill, 0, context);
        long decodeStart = System.nanoTime();
        int step = prefill.size();
        boolean mayEnd = !workload.ignoreEos() && !plan.config().eosTokens().isEmpty();
        int window = mayEnd ? STEPS_BETWEEN_CHECKS : Integer.MAX_VALUE;
        int decoded = 0;
        while (decoded < workload.maxTokens() - 1) {
            boolean[] active = new boolean[n];
            boolean any = false;
            for (int i = 0; i < n; i++) {
                active[i] = !mayEnd || !ended(sequences.tokens(i));
                any |= active[i];
            }
            if (!any) {
                break;
            }
            int count = Math.min(window, workload.maxTokens() - 1 - decoded);
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                steps.add(schedule.decode(decoded + i, s -> active[s]));
            }
            int[] last = new int[n];
            for (int i = 0; i < n; i++) {
                last[i] = sequences.tokens(i).getLast();
            }
            workers.forEach(w -> w.setLastTokens(last));
            runSteps(workers, steps, step, context);
            step += count;
            decoded += count;
        }
        long end = System.nanoTime();
        return new ResultBuilder(plan, weights, workload, capacities, devices, recorder, sequences)
                .build(start, decodeStart, end, decoded);
    }

    private boolean ended(List<Integer> tokens) {
        return tokens.stream().anyMatch(plan.config().eosTokens()::contains);
    }

    private void runSteps(List<RankWorker> workers, List<Step> steps, int firstStep, RunContext context) {
        BlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < workers.size(); i++) {
            int rank = i;
            context.heartbeat().waits(rank);
            running.add(threads.get(rank).submit(() -> {
                Throwable failure = null;
                try {
                    workers.get(rank).run(steps, firstStep);
                } catch (RuntimeException | Error | InterruptedException e) {
                    // The others must not wait for this rank.
                    context.comm().abort();
                    failure = e;
                }
                ended.add(new Ended(rank, failure));
            }));
        }
        await(running, ended, context);
    }

    /** A rank's thread is done; {@code failure} is null if all went well. */
    private record Ended(int rank, Throwable failure) {}

    private void await(List<Future<?>> running, BlockingQueue<Ended> ended, RunContext context) {
        RunFailedException failure = null;
        Long giveUp = null;
        int open = running.size();
        while (open > 0 && (giveUp == null || System.nanoTime() - giveUp < 0)) {
            try {
                Ended rank = ended.poll(500, TimeUnit.MILLISECONDS);
                if (rank == null) {
                    if (failure == null && context.heartbeat().silence() > options.stallTimeout().toNanos()) {
                        failure = new RunFailedException(
                                "no rank finished anything for %d s: %s"
                                        .formatted(
                                                options.stallTimeout().toSeconds(),
                                                context.heartbeat().busyRanks()),
                                null);
                        giveUp = System.nanoTime();
                    }
                    continue;
                }
                open--;
                if (rank.failure() != null && !(rank.failure() instanceof RunAbortedException) && failure == null) {
                    failure = failure(plan.ranks().get(rank.rank()), rank.failure());
                    giveUp = System.nanoTime() + GRACE.toNanos();
                }
            } catch (InterruptedException e) {
                failure = new RunFailedException("interrupted", e);
                giveUp = System.nanoTime();
                Thread.currentThread().interrupt();
            }
        }
        if (failure != null) {
            context.comm().abort();
            running.forEach(f -> f.cancel(true));
            throw failure;
        }
    }

    private static String describe(Throwable cause) {
        String message = cause.getMessage();
        if (cause instanceof ModelException) {
            return message;
        }
        return cause.getClass().getSimpleName()
                + (message == null ? "" : ": " + message.lines().findFirst().orElse(""));
    }

    /** Ends the ranks' threads and frees the devices' memory. */
    @Override
    public void close() {
        threads.forEach(ExecutorService::shutdownNow);
        boolean ended = threads.stream().allMatch(PlanExecutor::endsSoon);
        if (ended) {
            rankDevices.forEach(RankDevice::close);
        } else {
            LOG.log(System.Logger.Level.WARNING, "a rank still runs; the memory of its device is not freed");
        }
    }

    private static boolean endsSoon(ExecutorService thread) {
        boolean interrupted = Thread.interrupted();
        try {
            return thread.awaitTermination(GRACE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
            return false;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
