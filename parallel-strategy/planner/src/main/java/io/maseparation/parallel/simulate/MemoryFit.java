package io.maseparation.parallel.simulate;

import io.maseparation.moe.ModelSize;
import io.maseparation.moe.segments.Shard;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What each rank holds, and whether that fits its device. */
public final class MemoryFit {
    /** Share of a device's memory that weights and KV cache may take; the rest is for activations, scratch and the driver. */
    private static final double USABLE = 0.95;

    private final Plan plan;
    private final Cluster cluster;
    private final Scenario scenario;
    private final PerMicroBatch<List<Integer>> sequences;
    private final double[] weights;
    private final double[] kv;

    /** Adds up what ranks hold, with a KV cache of the scenario's context for every sequence. */
    public MemoryFit(Plan plan, Cluster cluster, Scenario scenario) {
        this.plan = plan;
        this.cluster = cluster;
        this.scenario = scenario;
        int[] lengths = new int[scenario.batch()];
        Arrays.fill(lengths, scenario.context());
        sequences = Shares.of(plan, lengths).sequences();
        int n = plan.ranks().size();
        weights = new double[n];
        kv = new double[n];
        for (RankPlan rank : plan.ranks()) {
            Shard shard = rank.shard();
            weights[rank.rank()] = shard.weightBytes(plan.config());
            kv[rank.rank()] = rank.group() < 0 ? 0 : kvPerSequence(shard) * sequencesOf(rank.group());
        }
    }

    private long sequencesOf(int group) {
        return sequences.group(group).stream().mapToLong(List::size).sum();
    }

    private double kvPerSequence(Shard shard) {
        double bytes = 0;
        if (shard.attention().isPresent()) {
            double width = (double) shard.attention().get().kvs() * plan.config().headDim();
            for (int layer = shard.firstLayer(); layer < shard.endLayer(); layer++) {
                bytes += 2 * width * scenario.context() * scenario.kvType().bytes();
            }
        }
        return bytes;
    }

    /** Sequences of each group and micro-batch. */
    PerMicroBatch<List<Integer>> sequences() {
        return sequences;
    }

    double weightBytes(int rank) {
        return weights[rank];
    }

    double kvBytes(int rank) {
        return kv[rank];
    }

    /** (Unique weights + live KV) ÷ what all ranks hold of both. */
    double efficiency() {
        double unique = ModelSize.of(plan.config()).weightBytes();
        double live = 2.0
                * plan.config().layers().size()
                * plan.config().kvWidth()
                * scenario.kvType().bytes()
                * scenario.context()
                * scenario.batch();
        return (unique + live) / (Arrays.stream(weights).sum() + Arrays.stream(kv).sum());
    }

    /**
     * Checks every device.
     *
     * @throws PlanException naming the rank that lacks most, and by how much
     */
    public void check() {
        double[] held = new double[cluster.size()];
        int worst = -1;
        double most = 0;
        for (RankPlan rank : plan.ranks()) {
            int device = plan.devices().get(rank.rank());
            held[device] += weights[rank.rank()] + kv[rank.rank()];
            double over = held[device] - USABLE * cluster.kindOf(device).memoryBytes();
            if (over > most) {
                most = over;
                worst = rank.rank();
            }
        }
        if (worst >= 0) {
            int device = plan.devices().get(worst);
            DeviceKind kind = cluster.kindOf(device);
            throw new PlanException(
                    "%s does not fit: rank %d (%s) needs %s (weights %s, KV cache %s), %s of %s are usable: %s too much"
                            .formatted(
                                    plan.layout().title(),
                                    worst,
                                    plan.ranks().get(worst).role().id(),
                                    gib(held[device]),
                                    gib(weights[worst]),
                                    gib(kv[worst]),
                                    gib(USABLE * kind.memoryBytes()),
                                    kind.name(),
                                    gib(most)));
        }
    }

    private static String gib(double bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (1L << 30));
    }
}
