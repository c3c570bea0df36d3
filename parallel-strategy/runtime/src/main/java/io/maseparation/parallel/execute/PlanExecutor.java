package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.comm.Communicator;
import io.maseparation.parallel.comm.InProcessCommunicator;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Heartbeat;
import io.maseparation.parallel.execute.rank.RankLoader;
import io.maseparation.parallel.execute.rank.RankThreads;
import io.maseparation.parallel.execute.rank.RankWorker;
import io.maseparation.parallel.execute.rank.Recorder;
import io.maseparation.parallel.execute.rank.RunContext;
import io.maseparation.parallel.execute.rank.Sequences;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.ReplicaChoice;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.LogitsListener;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Runs a plan: one thread a rank, each driving its device. */
public final class PlanExecutor implements AutoCloseable {
    /** Steps between two looks at which sequences have ended, where they may. */
    private static final int STEPS_BETWEEN_CHECKS = 16;

    private static final System.Logger LOG = System.getLogger(PlanExecutor.class.getName());

    private final ModelWeights weights;
    private final ExecutionOptions options;
    private final Workload workload;
    private final RankThreads threads;
    private final LayoutChanges changes;
    private final Optional<LogitsListener> logits;
    private final long setupNanos;
    private Deployment deployment;

    /**
     * Lays out buffers and builds all graphs; nothing runs yet.
     *
     * @throws io.maseparation.files.ModelException if the workload does not fit the model, or the memory
     * @throws PlanException if a rank holds more than a device may, or the layout is to change and cannot
     */
    public PlanExecutor(Plan plan, ModelWeights weights, Workload workload, ExecutionOptions options) {
        this(plan, weights, workload, options, RankLoader.real(), Optional.empty());
    }

    PlanExecutor(
            Plan plan,
            ModelWeights weights,
            Workload workload,
            ExecutionOptions options,
            RankLoader loader,
            Optional<LogitsListener> logits) {
        workload.check(weights.config());
        if (!options.changes().isNone() && !(plan.layout() instanceof Layout.Separated)) {
            throw new PlanException("only the layout of strategy ma changes in a run, the strategy is "
                    + plan.layout().strategy().id());
        }
        long start = System.nanoTime();
        this.weights = weights;
        this.workload = workload;
        this.options = options;
        this.logits = logits;
        deployment = Deployment.start(plan, weights, workload, options, loader);
        threads = new RankThreads(plan.ranks().size(), options.stallTimeout());
        changes = new LayoutChanges(options.changes(), weights, workload, options, loader);
        setupNanos = System.nanoTime() - start;
        if (deployment.devices().stream().map(Device::target).anyMatch(t -> t.embedded() && !t.vectorApi())) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "slow kernels: the fast ones need the JVM option --add-modules jdk.incubator.vector");
        }
    }

    private double operationsPerByte() {
        return options.changes().policy()
                .map(LayoutPolicy::operationsPerByte)
                .orElse(ReplicaChoice.USUAL_OPERATIONS_PER_BYTE);
    }

    /**
     * Runs the workload. Call it once.
     *
     * @throws RunFailedException if a rank fails or gets stuck; it says which
     */
    public RunResult run() {
        int n = workload.prompts().size();
        Plan plan = deployment.plan();
        int ranks = plan.ranks().size();
        Communicator comm = new InProcessCommunicator(ranks);
        Recorder recorder = new Recorder(
                ranks, plan.config().layers().size(), plan.config().maxExperts(), options.transfers());
        Sequences sequences = new Sequences(n, options.onToken());
        RunContext context = new RunContext(
                workload, comm, recorder, sequences, new Heartbeat(ranks), logits, operationsPerByte());
        List<RankWorker> workers = workers(context);
        long start = System.nanoTime();
        List<Step> prefill = deployment.schedule().prefill();
        threads.run(deployment, workers, prefill, 0, context);
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
            Deployment before = deployment;
            deployment = changes.between(before, active, decoded, recorder);
            if (!deployment.equals(before)) {
                recorder.endLayout(expertRanks(before.plan()));
                workers = workers(context);
            }
            int count = Math.min(Math.min(window, changes.steps(decoded)), workload.maxTokens() - 1 - decoded);
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                steps.add(deployment.schedule().decode(decoded + i, s -> active[s]));
            }
            int[] last = new int[n];
            for (int i = 0; i < n; i++) {
                last[i] = sequences.tokens(i).getLast();
            }
            workers.forEach(w -> w.setLastTokens(last));
            threads.run(deployment, workers, steps, step, context);
            step += count;
            decoded += count;
        }
        long end = System.nanoTime();
        changes.end(decoded);
        recorder.endLayout(expertRanks(deployment.plan()));
        return new ResultBuilder(deployment, weights, workload, recorder, sequences)
                .build(setupNanos, start, decodeStart, end, decoded, changes.log());
    }

    private List<RankWorker> workers(RunContext context) {
        return deployment.plan().ranks().stream()
                .map(rank -> new RankWorker(deployment, rank.rank(), context))
                .toList();
    }

    private static List<Integer> expertRanks(Plan plan) {
        return plan.ranks().stream()
                .filter(rank -> rank.shard().experts().isPresent())
                .map(RankPlan::rank)
                .toList();
    }

    private boolean ended(List<Integer> tokens) {
        return tokens.stream().anyMatch(deployment.plan().config().eosTokens()::contains);
    }

    /** Ends the ranks' threads and frees the devices' memory. */
    @Override
    public void close() {
        changes.close();
        if (threads.close()) {
            deployment.close();
        } else {
            LOG.log(System.Logger.Level.WARNING, "a rank still runs; the memory of its device is not freed");
        }
    }
}
