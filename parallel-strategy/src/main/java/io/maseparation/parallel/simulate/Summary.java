package io.maseparation.parallel.simulate;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelSize;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.plan.Plan;
import io.maseparation.parallel.plan.RankPlan;
import io.maseparation.parallel.plan.Role;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Metrics of a run of decode steps. Shares of time are of the window in which every micro-batch is past its warm-up and
 * none is through.
 */
final class Summary {
    private final Plan plan;
    private final Cluster cluster;
    private final Scenario scenario;
    private final Batches batches;
    private final MemoryFit memory;
    private final Run run;
    private final Log log;
    private final double from;
    private final double to;
    private final double[] busy;
    private final double[] transfer;
    private final double[] bytes;
    private final double[] flops;
    private final List<Double> gaps = new ArrayList<>();

    Summary(Plan plan, Cluster cluster, Scenario scenario, Batches batches, MemoryFit memory, Run run) {
        this.plan = plan;
        this.cluster = cluster;
        this.scenario = scenario;
        this.batches = batches;
        this.memory = memory;
        this.run = run;
        this.log = run.log();
        int n = plan.ranks().size();
        busy = new double[n];
        transfer = new double[n];
        bytes = new double[n];
        flops = new double[n];
        double start = 0;
        double end = Double.POSITIVE_INFINITY;
        for (double[][] group : run.sampled()) {
            for (double[] times : group) {
                if (Double.isNaN(times[0])) {
                    continue;
                }
                start = Math.max(start, times[scenario.warmup() - 1]);
                end = Math.min(end, times[times.length - 1]);
            }
        }
        from = start;
        to = end;
        addUp();
    }

    /** Work inside the window: of what lies across its edge, the part inside. */
    private void addUp() {
        for (int entry = 0; entry < log.size(); entry++) {
            int rank = log.rank(entry);
            double length = log.end(entry) - log.start(entry);
            double inside = Math.min(to, log.end(entry)) - Math.max(from, log.start(entry));
            if (rank < 0 || inside <= 0 || length <= 0) {
                continue;
            }
            Duration computed = log.computed(entry);
            if (computed == null) {
                transfer[rank] += inside;
            } else {
                // What a host moves takes its thread, but is no computing.
                busy[rank] += inside * (1 - moving(computed));
                transfer[rank] += inside * moving(computed);
                bytes[rank] += computed.bytes() * inside / length;
                flops[rank] += computed.flops() * inside / length;
            }
        }
    }

    private static double moving(Duration computed) {
        return computed.seconds() == 0 ? 0 : computed.transferSeconds() / computed.seconds();
    }

    SimulationResult build(double ttftMs, boolean timeline) {
        double tpot = tpotSeconds();
        double window = to - from;
        double stepsInside = window / tpot;
        double[] sorted = gaps.stream().mapToDouble(g -> g).sorted().toArray();
        List<SimulationResult.Rank> ranks = new ArrayList<>();
        double bound = 0;
        double bandwidth = 0;
        double rate = 0;
        double price = 0;
        for (RankPlan rank : plan.ranks()) {
            int r = rank.rank();
            int device = plan.devices().get(r);
            DeviceKind kind = cluster.kindOf(device);
            bandwidth += kind.bytesPerSecond();
            rate += kind.flopsPerSecond();
            price += kind.pricePerHour();
            double moved = bytes[r] / stepsInside;
            double computed = flops[r] / stepsInside;
            bound = Math.max(bound, kind.boundSeconds(moved, computed));
            ranks.add(new SimulationResult.Rank(
                    r,
                    rank.role().id(),
                    device,
                    busy[r] / window,
                    Math.min(1, transfer[r] / window),
                    memory.weightBytes(r),
                    memory.kvBytes(r),
                    moved,
                    computed,
                    run.engine().bytesSent(r) / batches.steps()));
        }
        StepWork least = leastWork();
        double tps = scenario.batch() / tpot;
        return new SimulationResult(
                plan,
                tpot * 1e3,
                percentile(sorted, 0.5) * 1e3,
                percentile(sorted, 0.9) * 1e3,
                percentile(sorted, 0.99) * 1e3,
                tps,
                ttftMs,
                bound * 1e3,
                Math.max(least.bytes() / bandwidth, least.flops() / rate) * 1e3,
                pool(ranks, true),
                pool(ranks, false),
                least.bytes() / (tpot * bandwidth),
                least.flops() / (tpot * rate),
                memory.efficiency(),
                imbalance(),
                price / 3600 / tps * 1e6,
                criticalPath(),
                ranks,
                timeline ? timeline() : List.of());
    }

    /** Over all sequences: the time between the last token of the warm-up and the last of all, a step. */
    private double tpotSeconds() {
        double sum = 0;
        double sequences = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                double[] times = run.sampled()[group][m];
                int n = batches.of(group, m, 0).count();
                if (n == 0) {
                    continue;
                }
                for (int step = scenario.warmup(); step < times.length; step++) {
                    gaps.add(times[step] - times[step - 1]);
                }
                sum += n * (times[times.length - 1] - times[scenario.warmup() - 1]) / scenario.steps();
                sequences += n;
            }
        }
        return sum / sequences;
    }

    private static double percentile(double[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1.0, Math.floor(share * sorted.length))];
    }

    private double pool(List<SimulationResult.Rank> ranks, boolean attention) {
        return ranks.stream()
                .filter(r -> attention
                        ? plan.ranks().get(r.rank()).role() != Role.EXPERT
                        : plan.ranks().get(r.rank()).role() != Role.ATTENTION)
                .mapToDouble(SimulationResult.Rank::busy)
                .average()
                .orElse(Double.NaN);
    }

    private double imbalance() {
        ExpertMap map = new ExpertMap(plan);
        double[] rows = new double[map.groups()];
        boolean any = false;
        for (int layer = 0; layer < plan.config().layers().size(); layer++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                ExpertLoads.Counts counts = run.loads().of(layer, m, batches.steps() - 1);
                for (int group = 0; group < rows.length; group++) {
                    StepShape.ExpertLoad load = counts.load(group);
                    int pairs = load.pairs() + load.extraRows();
                    rows[group] += pairs;
                    any |= pairs > 0;
                }
            }
        }
        double[] holding = plan.ranks().stream()
                .filter(r -> r.shard().experts().isPresent())
                .mapToInt(r -> map.groupOf(r.rank()))
                .distinct()
                .mapToDouble(g -> rows[g])
                .toArray();
        return any ? Arrays.stream(holding).max().orElse(1) / Arrays.stream(holding).average().orElse(1) : 1;
    }

    /**
     * What a step must do at least.
     *
     * @param bytes every weight in use once, every live key and value once
     * @param flops a multiply-add of every weight with every row that meets it
     */
    private record StepWork(double bytes, double flops) {}

    private StepWork leastWork() {
        ModelConfig config = plan.config();
        ModelSize size = ModelSize.of(config);
        double batch = scenario.batch();
        double moved = scenario.lmHead() ? size.outputBytes() : 0;
        double computed = scenario.lmHead() ? 2 * batch * config.hidden() * config.vocab() : 0;
        for (int l = 0; l < config.layers().size(); l++) {
            ModelConfig.Layer layer = config.layers().get(l);
            ModelSize.Layer bytesOf = size.layers().get(l);
            double positions = batch
                    * (layer.slidingWindow() > 0
                            ? Math.min(layer.slidingWindow(), scenario.context())
                            : scenario.context());
            double matrices = config.gated() ? 3 : 2;
            moved += bytesOf.attentionBytes() + bytesOf.routerBytes() + bytesOf.extraBytes();
            moved += 2 * positions * config.kvWidth() * scenario.kvType().bytes();
            moved += distinct(l) * bytesOf.expertBytes();
            computed += 2 * batch * config.hidden() * (config.qkvWidth() + config.queryWidth());
            computed += 4 * positions * config.queryWidth();
            computed += 2 * batch * layer.routing().experts() * config.hidden();
            computed += 2
                    * batch
                    * matrices
                    * config.hidden()
                    * (layer.routing().topK() * layer.expertWidth() + layer.extraWidth());
        }
        return new StepWork(moved, computed);
    }

    /** Experts of a layer that the batch visits, in the last step. */
    private double distinct(int layer) {
        java.util.BitSet all = new java.util.BitSet();
        for (int m = 0; m < batches.microBatches(); m++) {
            all.or(run.loads().of(layer, m, batches.steps() - 1).distinctExperts());
        }
        return all.cardinality();
    }

    /** From the last token of the window back to its start: what had to end before what. */
    private Map<Regime, Double> criticalPath() {
        int entry = Log.NONE;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                int last = run.entries()[group][m][batches.steps() - 1];
                if (batches.of(group, m, 0).count() > 0 && (entry == Log.NONE || log.end(last) > log.end(entry))) {
                    entry = last;
                }
            }
        }
        Map<Regime, Double> seconds = new EnumMap<>(Regime.class);
        for (Regime regime : Regime.values()) {
            seconds.put(regime, 0.0);
        }
        double until = log.end(entry);
        while (entry != Log.NONE && until > from) {
            double start = log.cause(entry) == Log.NONE ? log.start(entry) : log.end(log.cause(entry));
            double share = Math.max(0, until - Math.max(from, Math.min(start, until)));
            Duration computed = log.computed(entry);
            if (computed == null || computed.seconds() == 0) {
                seconds.merge(Regime.TRANSFER, share, Double::sum);
            } else {
                double length = computed.seconds();
                seconds.merge(Regime.ATTENTION, share * computed.attentionSeconds() / length, Double::sum);
                seconds.merge(Regime.EXPERT, share * computed.expertSeconds() / length, Double::sum);
                seconds.merge(Regime.LAUNCH, share * computed.launchSeconds() / length, Double::sum);
                seconds.merge(Regime.TRANSFER, share * computed.transferSeconds() / length, Double::sum);
            }
            until = Math.min(until, start);
            entry = log.cause(entry);
        }
        double sum = seconds.values().stream().mapToDouble(s -> s).sum();
        seconds.replaceAll((regime, s) -> sum == 0 ? 0 : s / sum);
        return seconds;
    }

    /** The window, from 0. */
    private List<TimelineEvent> timeline() {
        List<TimelineEvent> events = new ArrayList<>();
        for (int entry = 0; entry < log.size(); entry++) {
            if (log.rank(entry) >= 0 && log.end(entry) > from && log.start(entry) < to) {
                events.add(new TimelineEvent(
                        log.rank(entry),
                        log.computed(entry) == null
                                ? TimelineEvent.Stream.TRANSFER
                                : TimelineEvent.Stream.COMPUTE,
                        log.name(entry),
                        log.microBatch(entry),
                        log.step(entry),
                        false,
                        Math.round((Math.max(from, log.start(entry)) - from) * 1e9),
                        Math.round((Math.min(to, log.end(entry)) - from) * 1e9)));
            }
        }
        return events;
    }
}
