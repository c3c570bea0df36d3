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
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** Costs of a plan's operations on a cluster: rooflines of the tasks of each segment, and sizes of messages. */
final class Costs implements Work {
    private final Plan plan;
    private final ModelConfig config;
    private final Conditions conditions;
    private final Batches batches;
    private final ExpertMap map;
    private final ExpertLoads loads;
    private final CollectiveTimes collectives;
    private final RankCosts[] ranks;
    /** Of the exchange that is looked at, each way. */
    private final Passed sent;

    private final Passed taken;
    private final int[] nodeOf;
    private final boolean queues;
    private final boolean sums;
    private final Optional<NodeRoutes> routes;
    private final int[] groupOf;
    private final StepShape noRows;
    private final double rowBytes;
    /** By layer: a row and the experts it is for, with their weights where these are applied there. */
    private final double[] dispatchRowBytes;

    /** What the ranks of a {@link RankClass} share. */
    private record RankCosts(DeviceKind kind, SegmentCosts costs, Map<String, List<LayerUse>> segments) {}

    /**
     * The part of a segment with one layer, its experts if it has any, and what is known so far of its costs: by rows
     * and experts, or by experts alone where their rows are received.
     *
     * @param graphs 1 for the segment's first layer, which has the start of the graph, 0 for the others
     * @param transferBytes bytes between host and device for a step: those of the whole segment, or 0 for layers after
     *     the first
     */
    private record LayerUse(Segment segment, Optional<Part.Experts> experts, int graphs,
            ToLongFunction<StepShape> transferBytes, Map<Object, TaskCost> known, Latest latest) {
        boolean received() {
            return experts.isPresent() && experts.get().received();
        }
    }

    /** What was asked for last, by the very same shape: mostly that which is asked for next. */
    private static final class Latest {
        private @Nullable StepShape shape;
        private TaskCost cost = TaskCost.NONE;

        @SuppressWarnings("ReferenceEquality") // what is equal but another object is found by its value
        TaskCost of(StepShape of, Supplier<TaskCost> known) {
            if (shape != of) {
                cost = known.get();
                shape = of;
            }
            return cost;
        }
    }

    /**
     * Ranks that differ in nothing of this have the same costs.
     *
     * @param capacity sizes of the buffers; empty where they make no difference, since nothing goes through the host
     */
    private record RankClass(DeviceKind kind, Shard shape, List<Segment> segments, Optional<Capacity> capacity) {
        static RankClass of(RankPlan rank, DeviceKind kind, Capacity capacity) {
            return new RankClass(kind, shape(rank.shard()), rank.segments(),
                    Optional.of(capacity).filter(c -> Double.isFinite(kind.hostBytesPerSecond())));
        }

        /** A share of the same size: which heads, experts and tokens are in it makes no difference. */
        private static Shard shape(Shard s) {
            return new Shard(
                    s.firstLayer(),
                    s.endLayer(),
                    s.attention().map(h -> new Shard.Heads(0, h.queries(), 0, h.kvs(), 0, h.parts())),
                    s.experts().map(e -> new Shard.Experts(
                            e.perLayer().stream().map(held -> Collections.nCopies(held.size(), 0)).toList(),
                            e.extra(), 0, e.parts())),
                    s.embedding(),
                    s.output().map(v -> new Shard.Vocabulary(0, v.size())));
        }
    }

    Costs(Simulation simulation, Batches batches, ExpertLoads loads, CollectiveTimes collectives, MemoryFit memory) {
        plan = simulation.plan();
        config = plan.config();
        conditions = simulation.scenario().conditions();
        this.batches = batches;
        noRows = new StepShape(batches.prefill(), List.of(), 0, ExpertLoad.NONE);
        this.loads = loads;
        this.collectives = collectives;
        map = loads.map();
        sums = plan.layout().combine() == CombineMode.SUMS;
        rowBytes = (double) config.hidden() * conditions.activationBytes();
        dispatchRowBytes = config.layers().stream()
                .mapToDouble(layer -> rowBytes + 4.0 * ((sums ? 2 : 1) * layer.routing().slots() + 1))
                .toArray();
        routes = NodeRoutes.of(plan);
        Cluster cluster = simulation.cluster();
        int n = plan.ranks().size();
        ranks = new RankCosts[n];
        int nodes = 1 + cluster.devices().stream().mapToInt(Cluster.Device::node).max().orElse(0);
        sent = new Passed(n, nodes);
        taken = new Passed(n, nodes);
        nodeOf = new int[n];
        groupOf = plan.ranks().stream().mapToInt(RankPlan::group).toArray();
        queues = cluster.host().queues();
        Map<RankClass, RankCosts> classes = new HashMap<>();
        for (RankPlan rank : plan.ranks()) {
            int device = plan.devices().get(rank.rank());
            nodeOf[rank.rank()] = cluster.nodeOf(device);
            DeviceKind kind = cluster.kindOf(device);
            Capacity capacity = memory.of(rank.rank()).capacity();
            ranks[rank.rank()] = classes.computeIfAbsent(
                    RankClass.of(rank, kind, capacity), c -> costs(rank, c));
        }
    }

    private RankCosts costs(RankPlan rank, RankClass like) {
        SegmentCosts costs = new SegmentCosts(config, rank.shard(), conditions.kvFormat());
        Map<String, List<LayerUse>> segments = new HashMap<>();
        for (Segment segment : rank.segments()) {
            ToLongFunction<StepShape> bytes = step -> like.capacity()
                    .map(c -> costs.transferBytes(segment, c, step.rows(), step.experts().rows()))
                    .orElse(0L);
            List<LayerUse> layers = new ArrayList<>();
            for (Segment layer : segment.layers()) {
                boolean first = layers.isEmpty();
                layers.add(new LayerUse(conditions.counted(layer), layer.experts(), first ? 1 : 0,
                        first ? bytes : step -> 0,
                        new HashMap<>(), new Latest()));
            }
            segments.put(segment.name(), layers);
        }
        return new RankCosts(like.kind(), costs, segments);
    }

    @Override
    public TaskCost compute(int rank, String segment, int microBatch, int step) {
        List<LayerUse> layers = Objects.requireNonNull(
                ranks[rank].segments().get(segment), "the segment is one of the rank's");
        return layers.size() == 1
                ? compute(rank, layers.getFirst(), microBatch, step)
                : TaskCost.sum(layers.stream().map(layer -> compute(rank, layer, microBatch, step)).toList());
    }

    private TaskCost compute(int rank, LayerUse use, int microBatch, int step) {
        RankCosts costs = ranks[rank];
        StepShape rows = use.received()
                ? noRows
                : batches.of(groupOf(rank), microBatch, step).shape();
        if (!use.received() && rows.rows() == 0) {
            return TaskCost.NONE;
        }
        if (use.experts().isEmpty()) {
            return use.latest().of(rows, () -> use.known().computeIfAbsent(rows, shape -> cost(costs, use, rows)));
        }
        ExpertLoad load =
                loads.of(use.experts().get().layer(), microBatch, step).load(map.groupOf(rank));
        if (use.received()) {
            return load.rows() == 0
                    ? TaskCost.NONE
                    : use.known().computeIfAbsent(load, l -> cost(costs, use, rows.withExperts(load)));
        }
        return use.known().computeIfAbsent(rows.withExperts(load), all -> cost(costs, use, (StepShape) all));
    }

    private TaskCost cost(RankCosts costs, LayerUse use, StepShape shape) {
        DeviceKind kind = costs.kind();
        List<TaskCost.Kernel> kernels = new ArrayList<>();
        double hostLaunch = kind.hostLaunchSeconds(conditions.launch());
        double attention = 0;
        double expert = 0;
        double launch = 0;
        double bytes = 0;
        double flops = 0;
        double peakFlops = 0;
        for (OperationCost task : costs.costs().of(use.segment(), shape)) {
            double moved = task.cost().bytes(conditions.activationBytes());
            double computed = kind.peakFlops(task);
            if (!kind.starts(moved, computed)) {
                continue;
            }
            double factor = kind.factor(task, moved, computed);
            double fixed = kind.launchSeconds(task.operation(), conditions.launch(), factor);
            launch += fixed;
            double seconds = factor * kind.workSeconds(task.operation(), moved, computed, task.positions());
            if (queues) {
                double onDevice = fixed - hostLaunch;
                kernels.add(new TaskCost.Kernel(
                        onDevice + seconds,
                        onDevice + factor * kind.workSeconds(task.operation(), moved, computed, 0)));
            }
            if (isExpert(task.operation()) || use.received()) {
                expert += seconds;
            } else {
                attention += seconds;
            }
            bytes += moved;
            flops += task.cost().flops();
            peakFlops += computed;
        }
        if (bytes == 0 && flops == 0) {
            return TaskCost.NONE;
        }
        launch += use.graphs() * kind.startSeconds(conditions.launch());
        double transfer = use.transferBytes().applyAsLong(shape) / kind.hostBytesPerSecond();
        return new TaskCost(attention, expert, launch, transfer, bytes, flops, peakFlops, kernels);
    }

    private static boolean isExpert(Operation operation) {
        return operation == Operation.EXPERT_UP
                || operation == Operation.EXPERT_DOWN
                || operation == Operation.DISPATCH;
    }

    @Override
    public void messageBytes(
            int from, int[] to, Tensor tensor, int layer, int microBatch, int step, double[] bytes) {
        int group = groupOf(from);
        switch (tensor) {
            case DISPATCH, FORWARD, GATHER, COMBINE -> {
                ExpertLoads.Counts counts = loads.of(layer, microBatch, step);
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = exchangedBytes(counts, tensor, layer, from, to[i]);
                }
            }
            case HIDDEN -> Arrays.fill(bytes, batches.of(group, microBatch, step).count() * rowBytes);
            case LOGITS -> Arrays.fill(
                    bytes,
                    conditions.lmHead()
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

    /** Whether rows cross between two ranks once for all of a node. */
    private boolean apart(int rank, int other) {
        return routes.isPresent() && routes.get().apart(rank, other);
    }

    /** Outputs, one for each row or one for each row and expert, and which they are. */
    private double combineBytes(ExpertLoads.Counts counts, int group, int expertGroup) {
        return (rowBytes + 4.0) * (sums ? counts.rows(group, expertGroup) : counts.pairs(group, expertGroup));
    }

    @Override
    public boolean skips(int rank, Op.Collective op, int microBatch, int step) {
        return op instanceof Op.AllReduce
                && batches.of(groupOf(rank), microBatch, step).count() == 0;
    }

    @Override
    public double collectiveSeconds(Op.Collective op, List<Integer> devices, int microBatch, int step) {
        return switch (op) {
            case Op.AllReduce reduce -> collectives.allReduceSeconds(
                    devices, reducedBytes(reduce.group().getFirst(), reduce.tensor(), microBatch, step));
            case Op.AllToAll exchange -> {
                gather(exchange, microBatch, step);
                double most = 0;
                double mostOutside = 0;
                double mostOfNode = 0;
                for (Passed passed : List.of(sent, taken)) {
                    for (int member : exchange.group()) {
                        most = Math.max(most, passed.inside[member]);
                        mostOutside = Math.max(mostOutside, passed.outside[member]);
                        mostOfNode = Math.max(mostOfNode, passed.outsideOfNode[nodeOf[member]]);
                    }
                }
                yield collectives.allToAllSeconds(devices, most, mostOutside, mostOfNode);
            }
        };
    }

    private double reducedBytes(int rank, Tensor tensor, int microBatch, int step) {
        int rows = batches.of(groupOf(rank), microBatch, step).count();
        return tensor == Tensor.SUMS ? 8.0 * rows : rows * rowBytes;
    }

    /** Bytes that ranks send, or that they receive. */
    private static final class Passed {
        final double[] inside;
        final double[] outside;
        final double[] outsideOfNode;

        Passed(int ranks, int nodes) {
            inside = new double[ranks];
            outside = new double[ranks];
            outsideOfNode = new double[nodes];
        }

        void clear(int rank, int node) {
            inside[rank] = 0;
            outside[rank] = 0;
            outsideOfNode[node] = 0;
        }

        void add(int rank, int node, boolean near, double bytes) {
            if (near) {
                inside[rank] += bytes;
            } else {
                outside[rank] += bytes;
                outsideOfNode[node] += bytes;
            }
        }
    }

    /** Bytes that each member sends and receives inside its node and beyond. */
    private void gather(Op.AllToAll exchange, int microBatch, int step) {
        List<Integer> group = exchange.group();
        for (int member : group) {
            sent.clear(member, nodeOf[member]);
            taken.clear(member, nodeOf[member]);
        }
        for (int from : group) {
            for (int to : group) {
                if (from != to) {
                    double bytes = exchangedBytes(exchange, from, to, microBatch, step);
                    boolean near = nodeOf[from] == nodeOf[to];
                    sent.add(from, nodeOf[from], near, bytes);
                    taken.add(to, nodeOf[to], near, bytes);
                }
            }
        }
    }

    private double exchangedBytes(Op.AllToAll exchange, int from, int to, int microBatch, int step) {
        return exchangedBytes(
                loads.of(exchange.layer(), microBatch, step), exchange.tensor(), exchange.layer(), from, to);
    }

    /** Bytes of rows and answers between the ranks of an exchange. */
    private double exchangedBytes(ExpertLoads.Counts counts, Tensor tensor, int layer, int from, int to) {
        return switch (tensor) {
            case DISPATCH -> dispatchRowBytes[layer] * (apart(from, to)
                    ? counts.entering(groupOf(from), to)
                    : counts.rows(groupOf(from), map.groupOf(to)));
            case FORWARD -> dispatchRowBytes[layer] * counts.forwarded(from, to);
            case GATHER -> rowBytes * counts.forwarded(to, from);
            case COMBINE -> sums && apart(from, to)
                    ? (rowBytes + 4.0) * counts.entering(groupOf(to), from)
                    : combineBytes(counts, groupOf(to), map.groupOf(from));
            case HIDDEN, LOGITS, TOKENS, PARTIAL, SUMS -> throw new IllegalArgumentException(
                    tensor + " is not of an exchange");
        };
    }

    @Override
    public double collectiveBytes(int rank, Op.Collective op, int microBatch, int step) {
        return switch (op) {
            case Op.AllReduce reduce -> 2.0
                    * (op.group().size() - 1)
                    / op.group().size()
                    * reducedBytes(rank, reduce.tensor(), microBatch, step);
            case Op.AllToAll exchange -> {
                double bytes = 0;
                for (int to : op.group()) {
                    bytes += to == rank ? 0 : exchangedBytes(exchange, rank, to, microBatch, step);
                }
                yield bytes;
            }
        };
    }
}
