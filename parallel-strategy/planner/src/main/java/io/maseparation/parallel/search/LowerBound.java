package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Placement;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Tensor;
import io.maseparation.parallel.simulate.CollectiveTimes;
import io.maseparation.parallel.simulate.ExchangeBound;
import io.maseparation.parallel.simulate.ExpertTime;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SharedLoads;
import io.maseparation.parallel.simulate.Simulation;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
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
 * Rows visit the experts that the scenario's routing draws. Contention, exchanges by all-to-all and shared experts are
 * left out, bytes of messages, too, unless they are asked for ({@link ExchangeBound}).
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
    private final Optional<ExchangeBound> exchanges;
    /** By layer, filled on demand: the experts of each expert group of a copy. */
    private final int[][][] heldOf;

    private final List<Integer> copyOfGroup;
    private final BoundTimes times;
    private final PieceTimes pieces;
    private final Map<RankUse, Integer> rankClasses = new HashMap<>();
    /** Ranks mostly share the very same list; equal ones have one number. */
    private final IdentityHashMap<List<Segment>, Integer> segmentsOf = new IdentityHashMap<>();

    private final Map<List<Segment>, Integer> segmentClasses = new HashMap<>();
    private final Map<OwnUse, Double> knownOwn = new HashMap<>();
    /**
     * Seconds by expert group, micro-batch, layer and step; empty if ranks compute the experts of their own rows
     * themselves.
     */
    private final double[][][][] experts;

    /** Ranks that are alike in this take as long for as many rows. */
    private record RankUse(
            int kind, int layers, int heads, int slices, int parts, int vocabulary, int segments) {}

    /** What the time of a rank's own rows depends on; the share only where it computes their experts itself. */
    private record OwnUse(int rankClass, int rows, int group, int microBatch) {}

    /** What the times of an attention rank's rows depend on, layer by layer. */
    private record LayersUse(int rankClass, int rows, List<Integer> reducing) {}

    private LowerBound(Simulation simulation, ExpertCounts expertCounts, Optional<ExchangeBound> exchanges) {
        this.exchanges = exchanges;
        plan = simulation.plan();
        config = plan.config();
        cluster = simulation.cluster();
        scenario = simulation.scenario();
        placement = plan.placement();
        times = expertCounts.times(simulation);
        pieces = new PieceTimes(plan, scenario, times);
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
        return new LowerBound(simulation, counts, Optional.empty()).seconds() * 1e3;
    }

    /**
     * The same, for separated pools with the messages between them; that takes longer, since it counts rows for every
     * pair of ranks.
     *
     * @param counts shared by all bounds of one model, routing and seed
     * @param loads shared by all bounds and simulations of one layout
     */
    static double tpotMsWithMessages(Simulation simulation, ExpertCounts counts, SharedLoads loads) {
        return new LowerBound(simulation, counts, ExchangeBound.of(simulation, loads)).seconds() * 1e3;
    }

    private double seconds() {
        // Before its last token a micro-batch may have a rank to itself, if the others are done.
        double together = 1 - (microBatches - 1.0) / (microBatches * (double) scenario.steps());
        double[] busiest = new double[plan.groups()];
        double[] way = new double[plan.groups()];
        double all = 0;
        double[] exchanging = exchanging();
        for (RankPlan rank : plan.ranks()) {
            if (rank.group() >= 0 && needed(rank)) {
                int alike = alike(rank);
                double sum = 0;
                double reducing = 0;
                Reductions reductions = Reductions.of(rank, plan, scenario, collectives);
                for (int m = 0; m < microBatches; m++) {
                    int rows = rows(rank.group(), m);
                    double own = rows == 0 ? 0 : own(rank, alike, m);
                    double reduced = rows == 0 ? 0 : reductions.seconds(rows);
                    sum += own + received(rank, m);
                    reducing += reduced;
                    way[rank.group()] += rows * (own + reduced) / slicesInWay(rank);
                }
                double most = Math.max(ports(rank), Math.max(sum, reducing));
                busiest[rank.group()] = Math.max(busiest[rank.group()], most);
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
                pool[copy] = Math.max(pool[copy], Math.max(ports(rank), sum));
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
                mean += Math.max(work * ofGroup, Math.max(ways, exchanging[group]));
            }
        }
        // n ranks at once take slowdown(n) times as long, so together they do at most the work of 1 / contention ranks,
        // or of as many as there are cores, on each host; one rank alone is never slowed down. If ranks queue for
        // devices, launches overlap with kernels, and there is no such bound.
        double shared = cluster.host().shared() && !cluster.host().queues()
                ? all * together * (1 - 1.0 / scenario.steps())
                        * Math.clamp(cluster.host().contention(), 1.0 / cluster.host().cores(), 1)
                        / plan.devices().stream().map(cluster::nodeOf).distinct().count()
                : 0;
        return Math.max(mean / scenario.batch(), shared) + cluster.profile().engineStepSeconds();
    }

    private double ports(RankPlan rank) {
        return exchanges.map(e -> e.portSeconds(rank.rank())).orElse(0.0);
    }

    /** By group, the time of its micro-batches with messages, each as often as it has rows; 0 if that is not known. */
    private double[] exchanging() {
        double[] exchanging = new double[plan.groups()];
        if (exchanges.isPresent()) {
            Map<LayersUse, double[]> alike = new HashMap<>();
            PerMicroBatch<double[]> own = PerMicroBatch.of(plan.groups(), microBatches, (group, m) -> {
                RankPlan first = plan.ranks().get(placement.askerOf(group, 0));
                Reductions reductions = Reductions.of(first, plan, scenario, collectives);
                int rows = rows(group, m);
                return alike.computeIfAbsent(
                        new LayersUse(alike(first), rows, reductions.devices()),
                        use -> byLayer(first, rows, reductions));
            });
            double[][] seconds = exchanges.get().seconds(new ExchangeBound.Computing() {
                @Override
                public double own(int group, int microBatch, int layer) {
                    return own.get(group, microBatch)[layer];
                }

                @Override
                public double experts(int expertGroup, int microBatch, int layer, int step) {
                    return experts[expertGroup][microBatch][layer][step];
                }
            });
            for (int group = 0; group < exchanging.length; group++) {
                for (int m = 0; m < microBatches; m++) {
                    exchanging[group] += rows(group, m) * seconds[group][m];
                }
            }
        }
        return exchanging;
    }

    /** Seconds that some rows take at a rank of attention before they go to each layer's experts, and after all. */
    private double[] byLayer(RankPlan rank, int rows, Reductions reductions) {
        double[] seconds = new double[config.layers().size() + 1];
        StepShape shape = StepShape.decode(rows, scenario.context());
        int layer = 0;
        Iterator<List<PieceTimes.Piece>> segments = pieces.of(rank, alike(rank)).iterator();
        for (Op op : rank.program()) {
            if (op instanceof Op.Compute) {
                double ofSegment = 0;
                for (PieceTimes.Piece piece : segments.next()) {
                    ofSegment += rows == 0 ? 0 : pieces.seconds(rank, piece, shape);
                }
                seconds[layer] += ofSegment > 0 ? ofSegment + startSeconds(rank) : 0;
            } else if (op instanceof Op.AllReduce reduce) {
                seconds[layer] += reductions.seconds(reduce.tensor(), rows);
            } else if (op instanceof Op.Send send && send.tensor() == Tensor.DISPATCH) {
                layer++;
            }
        }
        return seconds;
    }

    private double startSeconds(RankPlan rank) {
        return cluster.kindOf(plan.devices().get(rank.rank())).startSeconds(scenario.conditions().launch());
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
                        segmentsOf.computeIfAbsent(
                                rank.segments(),
                                segments -> segmentClasses.computeIfAbsent(segments, s -> segmentClasses.size()))),
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
        double start = startSeconds(rank);
        for (List<PieceTimes.Piece> segment : pieces.of(rank, alike)) {
            double ofSegment = 0;
            for (PieceTimes.Piece piece : segment) {
                if (piece.experts().isEmpty()) {
                    ofSegment += pieces.seconds(rank, piece, shape);
                } else if (!piece.experts().get().received()) {
                    int[][] visits = counts.of(
                            copyOfGroup.get(rank.group()), m, piece.experts().get().layer());
                    ofSegment += pieces.seconds(rank, piece, visits, shape);
                }
            }
            sum += ofSegment > 0 ? ofSegment + start : 0;
        }
        return sum;
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
                        Shard.Experts shared = rank.shard().experts().orElseThrow();
                        ExpertTime time = times.experts().computeIfAbsent(
                                new BoundTimes.Bank(kindOf(rank), config.layers().get(layer), held.length,
                                        shared.parts(), shared.extra(), part.get().sums()),
                                use -> new ExpertTime(config, rank.shard(), segment, scenario.conditions(), kind));
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
        return from == node(server)
                ? cluster.links().intraNode().latencySeconds()
                : cluster.links().interNode().latencySeconds();
    }

    private int node(int rank) {
        return cluster.nodeOf(plan.devices().get(rank));
    }

    /** Index of a rank's kind of device. */
    private int kindOf(RankPlan rank) {
        return cluster.devices().get(plan.devices().get(rank.rank())).kind();
    }
}
