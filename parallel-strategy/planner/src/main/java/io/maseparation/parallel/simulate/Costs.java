package io.maseparation.parallel.simulate;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.moe.segments.StepShape.ExpertLoad;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Costs of a plan's operations on a cluster: rooflines of the tasks of each segment, and sizes of messages. */
final class Costs implements Work {
    private final Plan plan;
    private final ModelConfig config;
    private final Scenario scenario;
    private final Batches batches;
    private final ExpertMap map;
    private final ExpertLoads loads;
    private final Network network;
    private final RankCosts[] ranks;
    private final double[] inside;
    private final double[] outside;
    private final int[] nodeOf;
    private final boolean queues;
    private final int[] groupOf;

    /** What ranks of equal shards on equal devices share. */
    private static final class RankCosts {
        final DeviceKind kind;
        final SegmentCosts costs;
        final Map<String, SegmentUse> segments = new HashMap<>();

        RankCosts(DeviceKind kind, SegmentCosts costs) {
            this.kind = kind;
            this.costs = costs;
        }
    }

    /** A segment, and durations known so far by its rows and experts. */
    private static final class SegmentUse {
        final Segment segment;
        final int layer;
        final boolean experts;
        final boolean received;
        final long transferBytes;
        final Map<Object, Duration> known = new HashMap<>();

        SegmentUse(Segment segment, int layer, boolean experts, boolean received, long transferBytes) {
            this.segment = segment;
            this.layer = layer;
            this.experts = experts;
            this.received = received;
            this.transferBytes = transferBytes;
        }
    }

    /** Ranks that differ in nothing of this have the same costs. */
    private record RankClass(
            DeviceKind kind, int first, int end, int queries, int kvs, int slices, List<Integer> experts, int parts,
            boolean extra, boolean embedding, int vocabulary, List<Segment> segments) {

        static RankClass of(RankPlan rank, DeviceKind kind) {
            Shard s = rank.shard();
            return new RankClass(
                    kind,
                    s.firstLayer(),
                    s.endLayer(),
                    s.attention().map(Shard.Heads::queries).orElse(0),
                    s.attention().map(Shard.Heads::kvs).orElse(0),
                    s.attention().map(Shard.Heads::parts).orElse(0),
                    s.experts().map(e -> e.perLayer().stream().map(List::size).toList()).orElse(List.of()),
                    s.experts().map(Shard.Experts::parts).orElse(0),
                    s.experts().map(Shard.Experts::extra).orElse(false),
                    s.embedding(),
                    s.output().map(Shard.Vocabulary::size).orElse(0),
                    rank.segments());
        }
    }

    Costs(Plan plan, Cluster cluster, Scenario scenario, Batches batches, ExpertMap map, ExpertLoads loads,
            Network network) {
        this.plan = plan;
        this.config = plan.config();
        this.scenario = scenario;
        this.batches = batches;
        this.map = map;
        this.loads = loads;
        this.network = network;
        int n = plan.ranks().size();
        ranks = new RankCosts[n];
        inside = new double[n];
        outside = new double[n];
        nodeOf = new int[n];
        groupOf = plan.ranks().stream().mapToInt(RankPlan::group).toArray();
        queues = cluster.host().queues();
        Map<RankClass, RankCosts> classes = new HashMap<>();
        for (RankPlan rank : plan.ranks()) {
            int device = plan.devices().get(rank.rank());
            nodeOf[rank.rank()] = cluster.devices().get(device).node();
            DeviceKind kind = cluster.kindOf(device);
            ranks[rank.rank()] = classes.computeIfAbsent(RankClass.of(rank, kind), c -> costs(rank, kind));
        }
    }

    private RankCosts costs(RankPlan rank, DeviceKind kind) {
        RankCosts costs =
                new RankCosts(kind, new SegmentCosts(config, rank.shard(), scenario.kvType()));
        // Of no use, and long to find for many ranks, where devices exchange data themselves.
        Optional<Capacity> capacity =
                Double.isInfinite(kind.hostBytesPerSecond()) ? Optional.empty() : Optional.of(capacity(rank));
        for (Segment segment : rank.segments()) {
            List<Part> parts = new ArrayList<>();
            int layer = -1;
            boolean received = false;
            for (Part part : segment.parts()) {
                if (part instanceof Part.Experts experts) {
                    layer = experts.layer();
                    received = experts.received();
                }
                if (scenario.lmHead() || !(part instanceof Part.Output)) {
                    parts.add(part);
                }
            }
            long bytes = capacity.isEmpty() ? 0 : costs.costs.transferBytes(segment, capacity.get());
            costs.segments.put(
                    segment.name(),
                    new SegmentUse(new Segment(segment.name(), parts), layer, layer >= 0, received, bytes));
        }
        return costs;
    }

    @Override
    public Duration compute(int rank, String segment, int microBatch, int step) {
        RankCosts costs = ranks[rank];
        SegmentUse use = costs.segments.get(segment);
        if (use.received) {
            ExpertLoad load = loads.of(use.layer, microBatch, step).load(map.groupOf(rank));
            return load.rows() == 0
                    ? Duration.NONE
                    : use.known.computeIfAbsent(load, l -> duration(costs, use, new StepShape(
                            batches.prefill(), List.of(), 0, load)));
        }
        StepShape shape =
                batches.of(plan.ranks().get(rank).group(), microBatch, step).shape();
        if (shape.rows() == 0) {
            return Duration.NONE;
        }
        StepShape all = use.experts
                ? shape.withExperts(loads.of(use.layer, microBatch, step).load(map.groupOf(rank)))
                : shape;
        return use.known.computeIfAbsent(all, s -> duration(costs, use, all));
    }

    private Duration duration(RankCosts costs, SegmentUse use, StepShape shape) {
        DeviceKind kind = costs.kind;
        boolean measured = !kind.measured().isEmpty();
        List<Duration.Kernel> kernels = new ArrayList<>();
        double hostLaunch = kind.hostLaunchSeconds(scenario.launch());
        double attention = 0;
        double expert = 0;
        double launch = 0;
        double bytes = 0;
        double flops = 0;
        for (OperationCost task : costs.costs.of(use.segment, shape)) {
            double moved = task.cost().bytes(scenario.activationBytes());
            double computed = task.cost().flops();
            if (moved == 0 && computed == 0 && !measured) {
                // A device of the data sheet starts no task that has nothing to do; those of this library do.
                continue;
            }
            double fixed = kind.launchSeconds(task.operation(), scenario.launch());
            launch += fixed;
            double seconds = kind.workSeconds(task.operation(), moved, computed, task.positions());
            if (queues) {
                double onDevice = fixed - hostLaunch;
                kernels.add(new Duration.Kernel(
                        onDevice + seconds, onDevice + kind.workSeconds(task.operation(), moved, computed, 0)));
            }
            if (isExpert(task.operation())) {
                expert += seconds;
            } else {
                attention += seconds;
            }
            bytes += moved;
            flops += computed;
        }
        if (bytes == 0 && flops == 0) {
            return Duration.NONE;
        }
        if (measured || scenario.launch() == Launch.GRAPH) {
            launch += kind.graphStartSeconds();
        }
        double transfer = use.transferBytes / kind.hostBytesPerSecond();
        return new Duration(attention, expert, launch, transfer, bytes, flops, kernels);
    }

    /** Rows of a rank's buffers if they are as large as its steps need. */
    private Capacity capacity(RankPlan rank) {
        int own = 0;
        int outputs = 0;
        int received = 0;
        for (int m = 0; m < batches.microBatches(); m++) {
            int most = 0;
            int all = 0;
            for (int group = 0; group < batches.groups(); group++) {
                int ofGroup = 0;
                for (int step = 0; step < batches.steps(); step++) {
                    Batches.Rows rows = batches.of(group, m, step);
                    ofGroup = Math.max(ofGroup, rows.count());
                    if (group == rank.group()) {
                        outputs = Math.max(outputs, rows.shape().outputs());
                    }
                }
                all += ofGroup;
                most = group == rank.group() ? ofGroup : most;
            }
            own += most;
            received = Math.max(received, all);
        }
        return new Capacity(own, received, outputs, 0, 0, scenario.kvType());
    }

    private static boolean isExpert(Operation operation) {
        return operation == Operation.EXPERT_UP
                || operation == Operation.EXPERT_DOWN
                || operation == Operation.DISPATCH;
    }

    private double rowBytes() {
        return (double) config.hidden() * scenario.activationBytes();
    }

    @Override
    public void messageBytes(
            int from, List<Integer> to, Tensor tensor, int layer, int microBatch, int step, double[] bytes) {
        int group = groupOf(from);
        switch (tensor) {
            case DISPATCH -> {
                ExpertLoads.Counts counts = loads.of(layer, microBatch, step);
                double row = dispatchRowBytes(layer);
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = row * counts.rows(group, map.groupOf(to.get(i)));
                }
            }
            case COMBINE -> {
                ExpertLoads.Counts counts = loads.of(layer, microBatch, step);
                double row = combineRowBytes();
                int expertGroup = map.groupOf(from);
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = row * counts.pairs(groupOf(to.get(i)), expertGroup);
                }
            }
            case HIDDEN -> Arrays.fill(bytes, batches.of(group, microBatch, step).count() * rowBytes());
            case LOGITS -> Arrays.fill(
                    bytes,
                    scenario.lmHead()
                            ? 4.0
                                    * batches.of(group, microBatch, step).shape().outputs()
                                    * plan.ranks().get(from).shard().output().orElseThrow().size()
                            : 0);
            case TOKENS -> Arrays.fill(
                    bytes, 4.0 * batches.of(group, microBatch, step).shape().outputs());
            case PARTIAL, SUMS -> throw new IllegalArgumentException(tensor + " is reduced, not sent");
        }
    }

    private int groupOf(int rank) {
        return groupOf[rank];
    }

    /** A row and the experts it is for. */
    private double dispatchRowBytes(int layer) {
        return rowBytes() + 4.0 * (config.layers().get(layer).routing().slots() + 1);
    }

    /** An output of a row and expert, and which it is. */
    private double combineRowBytes() {
        return rowBytes() + 4.0;
    }

    @Override
    public boolean skips(int rank, Op op, int microBatch, int step) {
        return op instanceof Op.AllReduce
                && batches.of(groupOf(rank), microBatch, step).count() == 0;
    }

    @Override
    public double collectiveSeconds(
            Op op, List<Integer> group, List<Integer> devices, int microBatch, int step) {
        return switch (op) {
            case Op.AllReduce reduce -> network.allReduceSeconds(
                    devices, reducedBytes(group.getFirst(), reduce.tensor(), microBatch, step));
            case Op.AllToAll exchange -> {
                double most = 0;
                double mostOutside = 0;
                gather(exchange, group, microBatch, step, true);
                for (int member : group) {
                    most = Math.max(most, inside[member]);
                    mostOutside = Math.max(mostOutside, outside[member]);
                }
                gather(exchange, group, microBatch, step, false);
                for (int member : group) {
                    most = Math.max(most, inside[member]);
                    mostOutside = Math.max(mostOutside, outside[member]);
                }
                yield network.allToAllSeconds(devices, most, mostOutside);
            }
            default -> throw new IllegalArgumentException(op + " is no collective");
        };
    }

    private double reducedBytes(int rank, Tensor tensor, int microBatch, int step) {
        int rows = batches.of(groupOf(rank), microBatch, step).count();
        return tensor == Tensor.SUMS ? 8.0 * rows : rows * rowBytes();
    }

    /** Bytes that each member sends, or receives, inside its node and beyond. */
    private void gather(Op.AllToAll exchange, List<Integer> group, int microBatch, int step, boolean sent) {
        for (int member : group) {
            inside[member] = 0;
            outside[member] = 0;
        }
        for (int from : group) {
            for (int to : group) {
                if (from == to) {
                    continue;
                }
                double bytes = exchangedBytes(exchange, from, to, microBatch, step);
                int of = sent ? from : to;
                if (nodeOf[from] == nodeOf[to]) {
                    inside[of] += bytes;
                } else {
                    outside[of] += bytes;
                }
            }
        }
    }

    private double exchangedBytes(Op.AllToAll exchange, int from, int to, int microBatch, int step) {
        ExpertLoads.Counts counts = loads.of(exchange.layer(), microBatch, step);
        return exchange.tensor() == Tensor.DISPATCH
                ? dispatchRowBytes(exchange.layer()) * counts.rows(groupOf(from), map.groupOf(to))
                : combineRowBytes() * counts.pairs(groupOf(to), map.groupOf(from));
    }

    @Override
    public double collectiveBytes(int rank, Op op, List<Integer> group, int microBatch, int step) {
        return switch (op) {
            case Op.AllReduce reduce -> 2.0
                    * (group.size() - 1)
                    / group.size()
                    * reducedBytes(rank, reduce.tensor(), microBatch, step);
            case Op.AllToAll exchange -> {
                double bytes = 0;
                for (int to : group) {
                    bytes += to == rank ? 0 : exchangedBytes(exchange, rank, to, microBatch, step);
                }
                yield bytes;
            }
            default -> throw new IllegalArgumentException(op + " is no collective");
        };
    }
}
