package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Placement;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.simulate.CollectiveTimes;
import io.maseparation.parallel.simulate.ExpertTime;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SegmentTime;
import io.maseparation.parallel.simulate.Simulation;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A lower bound of the time between tokens that a simulation of a plan gives, without simulating: for every group of
 * sequences the larger of
 * <ul>
 *   <li>the work of the busiest rank that it needs, over all micro-batches, since a rank does one thing at a time, and
 *   one all-reduce; and
 *   <li>the time that one micro-batch needs for a step if it never waits for another: its own segments and all-reduces,
 *   in every layer the slowest of the ranks that compute its experts, and the latencies between them.
 * </ul>
 * Rows visit the experts that the scenario's routing draws. Contention, bytes of messages, exchanges by all-to-all and
 * shared experts are left out.
 */
final class LowerBound {
    private final Plan plan;
    private final ModelConfig config;
    private final Cluster cluster;
    private final Scenario scenario;
    private final Placement placement;
    private final int microBatches;
    private final Shares shares;
    private final ExpertCounts.Counts counts;
    private final CollectiveTimes collectives;
    /** By layer, filled on demand: the experts of each expert group of a copy. */
    private final int[][][] heldOf;

    private final List<Integer> copyOfGroup;
    private final Map<SegmentUse, Double> known = new HashMap<>();
    private final Map<RankUse, Integer> rankClasses = new HashMap<>();
    private final Map<OwnUse, Double> knownOwn = new HashMap<>();
    private final Map<ActiveUse, double[]> knownActive = new HashMap<>();
    private final Map<ActiveUse, IdentityHashMap<int[][], Double>> knownSteps = new HashMap<>();
    /**
     * Seconds by expert group, micro-batch, layer and step; empty if ranks compute the experts of their own rows
     * themselves.
     */
    private final double[][][][] experts;

    /** What the time of a segment depends on. */
    private record SegmentUse(int kind, int heads, int slices, int held, int parts, int vocabulary,
            Named segment,
            StepShape shape) {}

    /** A segment; those of different stages may have one name. */
    private record Named(int firstLayer, String name) {}

    /** Ranks that are alike in this take as long for as many rows. */
    private record RankUse(
            int kind, int layers, int heads, int slices, int parts, int vocabulary, List<Segment> segments) {}

    /** What the time of a rank's own rows depends on; the share only where it computes their experts itself. */
    private record OwnUse(int rankClass, int rows, int group, int microBatch) {}

    /** A rank's all-reduces in a step: of rows, and of sums of squares. */
    private record Reductions(List<Integer> devices, int partials, int sums) {}

    /** What the time of a segment with the experts of a rank's own rows depends on, besides how many are visited. */
    private record ActiveUse(String segment, int rows, int rankClass) {}

    /** What the time of experts depends on, besides their rows. */
    private record BankUse(int kind, ModelConfig.Layer layer, int held, int parts) {}

    private LowerBound(Simulation simulation, ExpertCounts expertCounts) {
        plan = simulation.plan();
        config = plan.config();
        cluster = simulation.cluster();
        scenario = simulation.scenario();
        placement = plan.placement();
        microBatches = plan.batching().microBatches();
        shares = Shares.of(plan, MemoryFit.contexts(scenario.batch(), scenario.context()));
        copyOfGroup = IntStream.range(0, plan.groups())
                .mapToObj(g -> placement.isEmpty() ? g : placement.copyOf(g))
                .toList();
        counts = expertCounts.of(simulation, shares, copyOfGroup);
        heldOf = new int[config.layers().size()][][];
        collectives = new CollectiveTimes(cluster, scenario.conditions().collectives());
        experts = new double[placement.isEmpty() ? 0 : placement.groups()][microBatches][config.layers().size()][];
        if (!placement.isEmpty()) {
            timeExperts();
        }
    }

    /**
     * The bound, in milliseconds.
     *
     * @param counts shared by all bounds of one model, routing and seed
     */
    static double tpotMs(Simulation simulation, ExpertCounts counts) {
        return new LowerBound(simulation, counts).seconds() * 1e3;
    }

    private double seconds() {
        // Before its last token a micro-batch may have a rank to itself, if the others are done.
        double together = 1 - (microBatches - 1.0) / (microBatches * (double) scenario.steps());
        double[] busiest = new double[plan.groups()];
        double[] way = new double[plan.groups()];
        double all = 0;
        for (RankPlan rank : plan.ranks()) {
            if (rank.group() >= 0 && needed(rank)) {
                int alike = alike(rank);
                double sum = 0;
                double reducing = 0;
                Reductions reductions = reductions(rank);
                for (int m = 0; m < microBatches; m++) {
                    int rows = rows(rank.group(), m);
                    double own = rows == 0 ? 0 : own(rank, alike, m);
                    double reduced = rows == 0 ? 0 : reduceSeconds(reductions, rows);
                    sum += own + received(rank, m);
                    reducing += reduced;
                    way[rank.group()] += rows * (own + reduced) / slicesInWay(rank);
                }
                busiest[rank.group()] = Math.max(busiest[rank.group()], Math.max(sum, reducing));
                all += sum;
            }
        }
        double[] pool = new double[1 + copyOfGroup.stream().mapToInt(c -> c).max().orElse(0)];
        for (RankPlan rank : plan.ranks()) {
            if (rank.group() < 0) {
                double sum = 0;
                for (int m = 0; m < microBatches; m++) {
                    sum += received(rank, m);
                }
                int copy = placement.copyOfExperts(placement.groupOf(rank.rank()));
                pool[copy] = Math.max(pool[copy], sum);
                all += sum;
            }
        }
        double mean = 0;
        for (int group = 0; group < plan.groups(); group++) {
            int ofGroup = 0;
            double ways = way[group];
            for (int m = 0; m < microBatches; m++) {
                int rows = rows(group, m);
                ofGroup += rows;
                ways += rows == 0 ? 0 : rows * expertWay(group, m);
            }
            if (ofGroup > 0) {
                double work = Math.max(busiest[group], pool[copyOfGroup.get(group)]) * together;
                mean += Math.max(work * ofGroup, ways);
            }
        }
        // n ranks at once take slowdown(n) times as long, so together they do at most the work of 1 / contention ranks,
        // or of as many as there are cores; one rank alone is never slowed down. If ranks queue for devices, launches
        // overlap with kernels, and there is no such bound.
        double shared = cluster.host().shared() && !cluster.host().queues()
                ? all * together * (1 - 1.0 / scenario.steps())
                        * Math.clamp(cluster.host().contention(), 1.0 / cluster.host().cores(), 1)
                : 0;
        return Math.max(mean / scenario.batch(), shared) + cluster.profile().engineStepSeconds();
    }

    private int rows(int group, int microBatch) {
        return shares.sequences().get(group, microBatch).size();
    }

    private boolean needed(RankPlan rank) {
        return shares.sequences().group(rank.group()).stream().anyMatch(rows -> !rows.isEmpty());
    }

    /** Number of ranks that a group's rows pass at the same time; each counts for its part of the way. */
    private static int slicesInWay(RankPlan rank) {
        return rank.shard().attention().map(h -> h.parts()).orElse(1);
    }

    private int alike(RankPlan rank) {
        return rankClasses.computeIfAbsent(
                new RankUse(
                        kindOf(rank),
                        rank.shard().endLayer() - rank.shard().firstLayer(),
                        rank.shard().attention().map(h -> h.kvs()).orElse(0),
                        rank.shard().attention().map(h -> h.parts()).orElse(0),
                        rank.shard().experts().map(e -> e.parts()).orElse(0),
                        rank.shard().output().map(v -> v.size()).orElse(0),
                        rank.segments()),
                use -> rankClasses.size());
    }

    private double own(RankPlan rank, int alike, int m) {
        OwnUse use = experts.length == 0
                ? new OwnUse(alike, rows(rank.group(), m), rank.group(), m)
                : new OwnUse(alike, rows(rank.group(), m), -1, -1);
        Double of = knownOwn.get(use);
        if (of == null) {
            of = ownOnce(rank, alike, m);
            knownOwn.put(use, of);
        }
        return of;
    }

    /** Seconds of the segments that a rank computes for its own rows, without experts that it computes for others. */
    private double ownOnce(RankPlan rank, int alike, int m) {
        StepShape shape = StepShape.decode(rows(rank.group(), m), scenario.context());
        double sum = 0;
        double start = cluster.kindOf(plan.devices().get(rank.rank())).startSeconds(scenario.conditions().launch());
        for (Segment segment : rank.segments()) {
            double ofSegment = 0;
            for (Segment layer : segment.layers()) {
                Optional<Part.Experts> part = layer.experts();
                if (part.isEmpty()) {
                    ofSegment += seconds(rank, layer, shape);
                } else if (!part.get().received()) {
                    ofSegment += withOwnExperts(rank, alike, m, layer, part.get().layer(), shape);
                }
            }
            sum += ofSegment > 0 ? ofSegment + start : 0;
        }
        return sum;
    }

    /** Seconds of a segment with the experts of one layer for the rank's own rows, averaged over steps. */
    private double withOwnExperts(RankPlan rank, int alike, int m, Segment segment, int layer, StepShape shape) {
        ActiveUse use = new ActiveUse(segment.name(), shape.rows(), alike);
        int[][] visits = counts.of(copyOfGroup.get(rank.group()), m, layer);
        // Layers that stand for others have their very counts.
        IdentityHashMap<int[][], Double> ofVisits = knownSteps.computeIfAbsent(use, u -> new IdentityHashMap<>());
        Double alreadyKnown = ofVisits.get(visits);
        if (alreadyKnown != null) {
            return alreadyKnown;
        }
        double steps = 0;
        double[] ofActive = knownActive.computeIfAbsent(use, u -> unknown(layer));
        for (int[] of : visits) {
            // The rows and their pairs are given, so that nothing but the number of experts makes a difference.
            int active = active(of);
            if (Double.isNaN(ofActive[active])) {
                int[] all = IntStream.range(0, of.length).toArray();
                ofActive[active] = seconds(
                        rank, segment, shape.withExperts(ExpertTime.leastLoad(of, all, shape.rows())));
            }
            steps += ofActive[active];
        }
        ofVisits.put(visits, steps / scenario.steps());
        return steps / scenario.steps();
    }

    /** Seconds of a rank's all-reduces for some rows; all of them are over one group. */
    private double reduceSeconds(Reductions of, int rows) {
        return of.partials() * allReduceSeconds(of, (double) rows * config.hidden()
                * scenario.conditions().activationBytes())
                + of.sums() * allReduceSeconds(of, 8.0 * rows);
    }

    private double allReduceSeconds(Reductions of, double bytes) {
        return of.devices().isEmpty() ? 0 : collectives.allReduceSeconds(of.devices(), bytes);
    }

    private Reductions reductions(RankPlan rank) {
        List<Integer> group = List.of();
        int partials = 0;
        int sums = 0;
        for (Op op : rank.program()) {
            if (op instanceof Op.AllReduce reduce && reduce.group().size() > 1) {
                group = reduce.group();
                if (reduce.tensor() == Tensor.SUMS) {
                    sums++;
                } else {
                    partials++;
                }
            }
        }
        return new Reductions(group.stream().map(plan.devices()::get).toList(), partials, sums);
    }

    private double[] unknown(int layer) {
        double[] unknown = new double[1 + config.layers().get(layer).routing().experts()];
        Arrays.fill(unknown, Double.NaN);
        return unknown;
    }

    private static int active(int[] counts) {
        int active = 0;
        for (int rows : counts) {
            active += rows > 0 ? 1 : 0;
        }
        return active;
    }

    /** Seconds that a rank computes experts for others, averaged over steps. */
    private double received(RankPlan rank, int m) {
        int group = placement.groupOf(rank.rank());
        if (experts.length == 0 || group < 0) {
            return 0;
        }
        double sum = 0;
        for (double[] layer : experts[group][m]) {
            for (double seconds : layer) {
                sum += seconds;
            }
        }
        return sum / scenario.steps();
    }

    private void timeExperts() {
        Map<BankUse, ExpertTime> times = new HashMap<>();
        for (int group = 0; group < placement.groups(); group++) {
            int copy = placement.copyOfExperts(group);
            BitSet timed = new BitSet();
            for (int r : placement.ranksOf(group)) {
                RankPlan rank = plan.ranks().get(r);
                // Parts of an expert are alike, and take as long on devices of one kind.
                if (timed.get(kindOf(rank))) {
                    continue;
                }
                timed.set(kindOf(rank));
                DeviceKind kind = cluster.kindOf(plan.devices().get(r));
                for (Segment segment : rank.segments()) {
                    Optional<Part.Experts> part = segment.experts();
                    if (part.isPresent()) {
                        int layer = part.get().layer();
                        int[] held = held(layer, group);
                        BankUse use = new BankUse(kindOf(rank), config.layers().get(layer), held.length,
                                rank.shard().experts().orElseThrow().parts());
                        ExpertTime time = times.computeIfAbsent(
                                use, u -> new ExpertTime(config, rank.shard(), segment, scenario.conditions(), kind));
                        for (int m = 0; m < microBatches; m++) {
                            int[][] visits = counts.of(copy, m, layer);
                            if (experts[group][m][layer] == null) {
                                experts[group][m][layer] = new double[visits.length];
                            }
                            double[] of = experts[group][m][layer];
                            for (int step = 0; step < of.length; step++) {
                                of[step] = Math.max(of[step], time.seconds(visits[step], held));
                            }
                        }
                    }
                }
            }
        }
    }

    /** The experts of a layer that an expert group holds. */
    private int[] held(int layer, int group) {
        int[][] of = heldOf[layer];
        if (of == null) {
            int perCopy = placement.groups() / placement.copies();
            List<List<Integer>> groupsOf = placement.experts().layers().get(layer).groupsOf();
            int[][] held = new int[perCopy][groupsOf.size()];
            int[] number = new int[perCopy];
            for (int expert = 0; expert < groupsOf.size(); expert++) {
                int holder = groupsOf.get(expert).getFirst();
                held[holder][number[holder]++] = expert;
            }
            Arrays.setAll(held, g -> Arrays.copyOf(held[g], number[g]));
            heldOf[layer] = held;
            of = held;
        }
        return of[group % of.length];
    }

    /** Seconds that a group's rows spend at their experts and on the way there and back, averaged over steps. */
    private double expertWay(int group, int m) {
        if (experts.length == 0) {
            return 0;
        }
        int copy = copyOfGroup.get(group);
        int perCopy = placement.groups() / placement.copies();
        int first = copy * perCopy;
        double[] latencies = IntStream.range(first, first + perCopy)
                .mapToDouble(e -> 2 * latency(group, e))
                .toArray();
        double sum = 0;
        for (int layer = 0; layer < config.layers().size(); layer++) {
            for (int step = 0; step < scenario.steps(); step++) {
                double most = 0;
                for (int i = 0; i < perCopy; i++) {
                    most = Math.max(most, experts[first + i][m][layer][step] + latencies[i]);
                }
                sum += most;
            }
        }
        return sum / scenario.steps();
    }

    /**
     * Least latency of a message between a group and its experts; 0 if they exchange rows by collectives, which this
     * bound leaves out.
     */
    private double latency(int group, int expertGroup) {
        if (!(plan.layout() instanceof Layout.Separated)) {
            return 0;
        }
        int asker = placement.askerOf(group, expertGroup);
        int server = placement.ranksOf(expertGroup)[0];
        int from = node(asker);
        return from == node(server) || cluster.host().shared()
                ? cluster.links().intraNode().latencySeconds()
                : cluster.links().interNode().latencySeconds();
    }

    private int node(int rank) {
        return cluster.nodeOf(plan.devices().get(rank));
    }

    /** Seconds of the tasks of a segment of one layer. */
    private double seconds(RankPlan rank, Segment segment, StepShape shape) {
        return known.computeIfAbsent(
                new SegmentUse(
                        kindOf(rank),
                        rank.shard().attention().map(h -> h.kvs()).orElse(0),
                        rank.shard().attention().map(h -> h.parts()).orElse(0),
                        segment.experts()
                                .map(e -> rank.shard().experts().orElseThrow().perLayer().get(e.layer()).size())
                                .orElse(0),
                        rank.shard().experts().map(e -> e.parts()).orElse(0),
                        rank.shard().output().map(v -> v.size()).orElse(0),
                        new Named(rank.shard().firstLayer(), segment.name()),
                        shape),
                use -> SegmentTime.taskSeconds(
                        new SegmentCosts(config, rank.shard(), scenario.conditions().kvFormat())
                                .of(scenario.conditions().counted(segment), shape),
                        scenario.conditions(),
                        cluster.kindOf(plan.devices().get(rank.rank()))));
    }

    /** Index of a rank's kind of device. */
    private int kindOf(RankPlan rank) {
        return cluster.devices().get(plan.devices().get(rank.rank())).kind();
    }
}
