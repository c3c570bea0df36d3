package io.maseparation.parallel.studies.policies;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.ExpertTime;
import io.maseparation.parallel.simulate.SegmentTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Lower bound of the time of some steps of a trace on one ratio of devices, wherever experts, replicas and sequences
 * are. It is the largest of
 * <ul>
 *   <li>the attention pool: all micro-batches of an even share of the sequences, one after the other;
 *   <li>the expert pool: an even share of all rows, of all pairs of row and expert, and of all experts that any row of
 *   the batch visits, each read once (roofline times are convex, so that the busiest rank takes at least that);
 *   <li>the ports between them: the output of every pair goes through those of the smaller pool;
 *   <li>the path of a micro-batch that waits for no other: its attention, two latencies per layer, and an even share of
 *   its experts. With one micro-batch some rank reads a whole number of experts.
 * </ul>
 * The path leaves out the bytes of transfers; everything leaves out contention and shared experts.
 */
final class TraceBound {
    private final PolicyScenario scenario;
    private final ModelConfig config;
    private final Plan plan;
    private final DeviceKind kind;
    private final int attention;
    private final int experts;
    private final int microBatches;
    private final RankPlan attentionRank;
    private final List<ExpertLayer> expertLayers;
    private final double latency;
    private final double portBytesPerSecond;

    /** A layer, and the time of its experts on one rank. */
    private record ExpertLayer(int index, ExpertTime time) {}

    /** @param plan the ratio's plan, with experts in even shares */
    TraceBound(PolicyScenario scenario, Plan plan) {
        this.scenario = scenario;
        this.plan = plan;
        config = plan.config();
        Cluster cluster = scenario.start().cluster();
        kind = cluster.kindOf(0);
        Layout.Separated layout = (Layout.Separated) plan.layout();
        attention = layout.attentionDevices();
        experts = layout.expertDevices();
        microBatches = plan.batching().microBatches();
        attentionRank = plan.ranks().getFirst();
        expertLayers = expertLayers();
        Links links = cluster.links();
        boolean oneNode = plan.devices().stream().map(cluster::nodeOf).distinct().count() == 1;
        // A thread that is at work takes messages without being woken.
        latency = cluster.host().shared()
                ? 0
                : oneNode
                        ? links.intraNode().latencySeconds()
                        : Math.min(links.intraNode().latencySeconds(), links.interNode().latencySeconds());
        portBytesPerSecond = cluster.host().shared()
                ? Double.POSITIVE_INFINITY
                : links.intraNode().bytesPerSecond() + (oneNode ? 0 : links.interNode().bytesPerSecond());
    }

    /** Layers with experts, timed on the rank that has fewest of them: bookkeeping grows with their number. */
    private List<ExpertLayer> expertLayers() {
        List<ExpertLayer> found = new ArrayList<>();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int at = layer;
            RankPlan rank = plan.ranks().stream()
                    .filter(r -> r.role() == Role.EXPERT)
                    .min(Comparator.comparingInt(r -> r.shard().experts().orElseThrow().perLayer().get(at).size()))
                    .orElseThrow();
            for (Segment segment : rank.segments()) {
                if (segment.experts().map(Part.Experts::layer).orElse(-1) == layer
                        && config.layers().get(layer).routing().topK() > 0) {
                    found.add(new ExpertLayer(
                            layer,
                            new ExpertTime(config, rank.shard(), segment, scenario.first().conditions(), kind)));
                }
            }
        }
        return found;
    }

    /**
     * The bound.
     *
     * @param from first step, counted in the block
     * @param steps number of steps
     * @return seconds of all of them together
     */
    double seconds(TraceBlock block, int from, int steps) {
        double own = ownSeconds(block.context());
        double pool = 0;
        double way = 0;
        double ports = 0;
        for (int step = from; step < from + steps; step++) {
            for (ExpertLayer layer : expertLayers) {
                int distinct = block.distinct()[step][layer.index()];
                pool += pool(layer, distinct);
                way += way(layer, distinct);
                ports += ports(layer);
            }
            way += own;
        }
        return Math.max(Math.max(steps * microBatches * own, pool), Math.max(way, ports));
    }

    /** A micro-batch of an attention rank, without its experts. */
    private double ownSeconds(int context) {
        int rows = scenario.first().batch() / (attention * microBatches);
        if (rows == 0) {
            return 0;
        }
        Conditions conditions = scenario.first().conditions();
        SegmentCosts costs = new SegmentCosts(config, attentionRank.shard(), conditions.kvFormat());
        StepShape shape = StepShape.decode(rows, context);
        double seconds = 0;
        for (Segment segment : attentionRank.segments()) {
            seconds += SegmentTime.leastSeconds(costs.of(conditions.counted(segment), shape), conditions, kind);
        }
        return seconds;
    }

    private double pairs(ExpertLayer layer) {
        return (double) scenario.first().batch() * config.layers().get(layer.index()).routing().topK();
    }

    private double pool(ExpertLayer layer, int distinct) {
        // Each micro-batch keeps at least one rank busy.
        double started = (double) Math.min(microBatches, scenario.first().batch()) / experts;
        return layer.time().workSeconds(
                (double) scenario.first().batch() / experts, pairs(layer) / experts, (double) distinct / experts)
                + started * layer.time().fixedSeconds();
    }

    private double way(ExpertLayer layer, int distinct) {
        double parts = (double) microBatches * experts;
        double even = layer.time().workSeconds(
                scenario.first().batch() / parts, pairs(layer) / parts, distinct / parts);
        if (microBatches == 1) {
            int read = Math.ceilDiv(distinct, experts);
            even = Math.max(even, layer.time().workSeconds(1, read, read));
        }
        return 2 * latency + layer.time().fixedSeconds() + even;
    }

    private double ports(ExpertLayer layer) {
        double row = (double) config.hidden() * scenario.first().conditions().activationBytes();
        return pairs(layer) * row / Math.min(attention, experts) / portBytesPerSecond;
    }
}
