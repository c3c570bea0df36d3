package io.maseparation.parallel.simulate;

import io.maseparation.moe.Format;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.run.LeastWork;
import io.maseparation.parallel.run.Percentiles;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * Metrics of a run of decode steps. Shares of a rank's time refer to the window in which every micro-batch that it
 * works on has finished its warm-up and none is done. Ranks of different copies do not work on the same micro-batches:
 * on unequal devices one copy may be done before another one has warmed up.
 */
final class Summary {
    private final Plan plan;
    private final Cluster cluster;
    private final Scenario scenario;
    private final Batches batches;
    private final MemoryFit memory;
    private final EngineRun run;
    private final Log log;
    private final ExpertLoads.Measured loads;
    private final Window[] windows;
    private final double[] busy;
    private final double[] transfer;
    private final double[] bytes;
    private final double[] flops;
    private final double[] peakFlops;
    private final List<Double> gaps = new ArrayList<>();

    /** A stretch of time, in seconds. */
    private record Window(double from, double to) {
        Window and(Window other) {
            return new Window(Math.max(from, other.from), Math.min(to, other.to));
        }

        double seconds() {
            return to - from;
        }
    }

    /** @param run a measured one */
    Summary(EngineRun run, MemoryFit memory) {
        this.run = run;
        this.memory = memory;
        plan = run.simulation().plan();
        cluster = run.simulation().cluster();
        scenario = run.simulation().scenario();
        batches = run.batches();
        log = run.log();
        loads = run.loads().measured();
        int n = plan.ranks().size();
        busy = new double[n];
        transfer = new double[n];
        bytes = new double[n];
        flops = new double[n];
        peakFlops = new double[n];
        windows = windows();
        addUp();
    }

    /** The window of each rank. */
    private Window[] windows() {
        Map<Integer, Window> ofCopy = new HashMap<>();
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                double[] times = run.tokens().of(group, m);
                if (!Double.isNaN(times[0])) {
                    Window window = new Window(times[scenario.warmup() - 1], times[times.length - 1]);
                    ofCopy.merge(copyOfGroup(group), window, Window::and);
                }
            }
        }
        Window all = ofCopy.values().stream().reduce(Summary::around).orElseThrow();
        return plan.ranks().stream()
                .map(rank -> ofCopy.getOrDefault(copyOf(rank), all))
                .toArray(Window[]::new);
    }

    /** From the start of the earlier to the end of the later of two windows. */
    private static Window around(Window a, Window b) {
        return new Window(Math.min(a.from(), b.from()), Math.max(a.to(), b.to()));
    }

    /** The copy of the layout, or of the experts, that an attention group belongs to; copies are independent. */
    private int copyOfGroup(int group) {
        return plan.placement().isEmpty() ? group : plan.placement().copyOf(group);
    }

    private int copyOf(RankPlan rank) {
        return rank.group() >= 0
                ? copyOfGroup(rank.group())
                : plan.placement().copyOfExperts(plan.placement().groupOf(rank.rank()));
    }

    /** Adds up the work inside the windows; of an entry that crosses an edge, the part inside counts. */
    private void addUp() {
        for (Log.Entry entry : log.entries()) {
            int rank = entry.rank();
            double length = entry.end() - entry.start();
            if (rank < 0 || length <= 0) {
                continue;
            }
            Window window = windows[rank];
            double inside = Math.min(window.to(), entry.end()) - Math.max(window.from(), entry.start());
            if (inside <= 0) {
                continue;
            }
            if (entry.computed().isEmpty()) {
                transfer[rank] += inside;
            } else {
                TaskCost cost = entry.computed().get();
                // Moving data occupies a host's thread, but it is not computing.
                double moving = cost.seconds() == 0 ? 0 : cost.transferSeconds() / cost.seconds();
                busy[rank] += inside * (1 - moving);
                transfer[rank] += inside * moving;
                bytes[rank] += cost.bytes() * inside / length;
                flops[rank] += cost.flops() * inside / length;
                peakFlops[rank] += cost.peakFlops() * inside / length;
            }
        }
    }

    /** The result; with the times of first tokens where a prefill was simulated, too. */
    SimulationResult build(Optional<EngineRun> prefill, boolean timeline) {
        double tpot = tpotSeconds();
        Map<Integer, Double> tpotOfCopy = tpotOfCopy();
        double[] times = gaps.stream().mapToDouble(g -> g * 1e3).toArray();
        List<SimulationResult.Rank> ranks = new ArrayList<>();
        double[] deviceBytes = new double[cluster.size()];
        double[] deviceFlops = new double[cluster.size()];
        for (RankPlan rank : plan.ranks()) {
            int r = rank.rank();
            int device = plan.devices().get(r);
            double ownStep = tpotOfCopy.getOrDefault(copyOf(rank), tpot);
            // While the engine is at work the devices wait, which the window does not know.
            double window = windows[r].seconds() * ownStep / (ownStep - run.engineSeconds());
            // During a mean step, a rank of a copy that is faster than others does more than one step of its own.
            deviceBytes[device] += bytes[r] * tpot / window;
            deviceFlops[device] += peakFlops[r] * tpot / window;
            double moved = bytes[r] * ownStep / window;
            double computed = flops[r] * ownStep / window;
            ranks.add(new SimulationResult.Rank(
                    r,
                    rank.role(),
                    device,
                    rounded(busy[r] / window),
                    Math.min(1, transfer[r] / window),
                    memory.of(r),
                    new SimulationResult.Rank.Work(
                            moved, computed, run.engine().bytesSent(r) / batches.steps())));
        }
        double bound = 0;
        double bandwidth = 0;
        double rate = 0;
        // Several ranks may share a device, and those of a node a host.
        Collection<List<Integer>> nodes = plan.devices().stream()
                .distinct()
                .collect(Collectors.groupingBy(cluster::nodeOf, TreeMap::new, Collectors.toList()))
                .values();
        for (List<Integer> node : nodes) {
            double speed = cluster.host().share(node.size());
            double nodeBandwidth = 0;
            double nodeRate = 0;
            for (int device : node) {
                Roofline roofline = cluster.kindOf(device).roofline();
                nodeBandwidth += roofline.bytesPerSecond();
                nodeRate += roofline.flopsPerSecond();
                bound = Math.max(bound, roofline.boundSeconds(deviceBytes[device], deviceFlops[device]));
            }
            bandwidth += nodeBandwidth * speed;
            rate += nodeRate * speed;
        }
        LeastWork least = leastWork();
        double tps = scenario.batch() / tpot;
        return new SimulationResult(
                run.simulation(),
                new SimulationResult.Speed(
                        tpot * 1e3,
                        Percentiles.of(times, 50),
                        Percentiles.of(times, 90),
                        Percentiles.of(times, 99),
                        tps,
                        prefill.map(p -> p.meanSampleSeconds() * 1e3).orElse(Double.NaN),
                        prefill.map(p -> p.lastSampleSeconds() * 1e3).orElse(Double.NaN),
                        run.simulation().pricePerHour() / 3600 / tps * 1e6),
                new SimulationResult.Bounds(
                        bound * 1e3, Math.max(least.bytes() / bandwidth, least.flops() / rate) * 1e3),
                new SimulationResult.Use(
                        meanBusy(ranks, Role.EXPERT),
                        meanBusy(ranks, Role.ATTENTION),
                        least.bytes() / (tpot * bandwidth),
                        least.flops() / (tpot * rate),
                        memory.efficiency(),
                        imbalance()),
                criticalPath(run.engineSeconds() / tpot),
                ranks,
                timeline ? timeline() : List.of(),
                SimulationResult.Range.NONE);
    }

    /** A share that sums of times leave a hair above 1; more than that would be a fault, which this does not hide. */
    private static double rounded(double share) {
        return share > 1 && share < 1 + 1e-9 ? 1 : share;
    }

    /** Notes the times between tokens, of which this is the mean over all sequences. */
    private double tpotSeconds() {
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                double[] times = run.tokens().of(group, m);
                for (int step = scenario.warmup(); step < times.length && batches.of(group, m, 0).count() > 0; step++) {
                    gaps.add(times[step] - times[step - 1] + run.engineSeconds());
                }
            }
        }
        return run.tpotSeconds(group -> true);
    }

    private Map<Integer, Double> tpotOfCopy() {
        Map<Integer, Double> tpot = new HashMap<>();
        for (int group = 0; group < batches.groups(); group++) {
            int copy = copyOfGroup(group);
            tpot.computeIfAbsent(copy, c -> run.tpotSeconds(g -> copyOfGroup(g) == c));
        }
        tpot.values().removeIf(d -> d.isNaN());
        return tpot;
    }

    /** Mean busy share of the ranks of all roles but one. */
    private static double meanBusy(List<SimulationResult.Rank> ranks, Role other) {
        return ranks.stream()
                .filter(r -> r.role() != other)
                .mapToDouble(SimulationResult.Rank::busy)
                .average()
                .orElse(Double.NaN);
    }

    private double imbalance() {
        ExpertMap map = run.loads().map();
        long[] rows = LongStream.range(0, map.groups()).map(g -> loads.pairs((int) g)).toArray();
        boolean any = Arrays.stream(rows).anyMatch(r -> r > 0);
        double[] holding = plan.ranks().stream()
                .filter(r -> r.shard().experts().isPresent())
                .mapToInt(r -> map.groupOf(r.rank()))
                .distinct()
                .mapToDouble(g -> rows[g])
                .toArray();
        return any ? Arrays.stream(holding).max().orElse(1) / Arrays.stream(holding).average().orElse(1) : 1;
    }

    private LeastWork leastWork() {
        List<LeastWork.Layer> layers = new ArrayList<>();
        for (int l = 0; l < plan.config().layers().size(); l++) {
            int window = plan.config().layers().get(l).slidingWindow();
            int seen = window > 0 ? Math.min(window, scenario.context()) : scenario.context();
            layers.add(new LeastWork.Layer((double) scenario.batch() * seen, loads.distinct(l)));
        }
        return LeastWork.of(
                plan.config(), scenario.batch(), scenario.conditions().lmHead(),
                scenario.conditions().kvFormat(), layers, this::relative);
    }

    /** Least time of an operation in a format on any of the devices, relative to one with 16 bits. */
    private double relative(Format format) {
        return plan.devices().stream()
                .mapToDouble(d -> cluster.kindOf(d).roofline().relativeTime(format.units()))
                .min()
                .orElse(1);
    }

    /**
     * Walks the chain of causes back from the last token to the window's start.
     *
     * @param engine share of a step that is the serving engine's
     */
    private Map<Regime, Double> criticalPath(double engine) {
        int entry = Log.NONE;
        int lastGroup = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                int last = run.tokens().entry(group, m, batches.steps() - 1);
                if (batches.of(group, m, 0).count() > 0 && (entry == Log.NONE || log.end(last) > log.end(entry))) {
                    entry = last;
                    lastGroup = group;
                }
            }
        }
        Map<Regime, Double> seconds = new EnumMap<>(Regime.class);
        for (Regime regime : Regime.values()) {
            seconds.put(regime, 0.0);
        }
        double from = windowOf(lastGroup).from();
        double until = log.end(entry);
        while (entry != Log.NONE && until > from) {
            Log.Entry of = log.get(entry);
            double start = of.cause() == Log.NONE ? of.start() : log.end(of.cause());
            double share = Math.max(0, until - Math.max(from, Math.min(start, until)));
            TaskCost cost = of.computed().filter(c -> c.seconds() > 0).orElse(TaskCost.transfer(1));
            seconds.merge(Regime.ATTENTION, share * cost.attentionSeconds() / cost.seconds(), Double::sum);
            seconds.merge(Regime.EXPERT, share * cost.expertSeconds() / cost.seconds(), Double::sum);
            seconds.merge(Regime.LAUNCH, share * cost.launchSeconds() / cost.seconds(), Double::sum);
            seconds.merge(Regime.TRANSFER, share * cost.transferSeconds() / cost.seconds(), Double::sum);
            until = Math.min(until, start);
            entry = of.cause();
        }
        double sum = seconds.values().stream().mapToDouble(s -> s).sum();
        seconds.replaceAll((regime, s) -> sum == 0 ? 0 : s / sum * (1 - engine));
        seconds.put(Regime.ENGINE, engine);
        return seconds;
    }

    private Window windowOf(int group) {
        return plan.ranks().stream()
                .filter(rank -> rank.group() == group)
                .map(rank -> windows[rank.rank()])
                .findFirst()
                .orElseThrow();
    }

    /** The windows of all ranks; the first one starts at 0. */
    private List<TimelineEvent> timeline() {
        double origin = Arrays.stream(windows).mapToDouble(Window::from).min().orElse(0);
        List<TimelineEvent> events = new ArrayList<>();
        for (Log.Entry entry : log.entries()) {
            if (entry.rank() < 0) {
                continue;
            }
            Window window = windows[entry.rank()];
            if (entry.end() > window.from() && entry.start() < window.to()) {
                events.add(new TimelineEvent(
                        entry.rank(),
                        entry.computed().isEmpty()
                                ? TimelineEvent.Stream.TRANSFER
                                : TimelineEvent.Stream.COMPUTE,
                        entry.name(),
                        entry.microBatch(),
                        entry.step(),
                        false,
                        Math.round((Math.max(window.from(), entry.start()) - origin) * 1e9),
                        Math.round((Math.min(window.to(), entry.end()) - origin) * 1e9)));
            }
        }
        return events;
    }
}
