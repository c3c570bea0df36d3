package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.NodeRoutes;
import io.maseparation.parallel.layout.Placement;
import io.maseparation.parallel.layout.Plan;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * How long the decode steps of separated pools take at least, messages between them included, without simulating: of
 * each micro-batch as if it met no other, and of each rank's ports.
 *
 * <p>A rank of experts begins when the last of its askers has sent and when its port has taken what all of them send;
 * an asker goes on when the last answer has left and its own port has taken all of them. So the time of every group in
 * a layer follows from those of all groups in the layer before. Only what was sent before the measured steps is not
 * known, so that their first exchange counts with its latencies alone. Bytes are those that {@link Costs} sends.
 */
public final class ExchangeBound {
    private final Plan plan;
    private final Placement placement;
    private final Scenario scenario;
    private final Batches batches;
    private final ExpertLoads loads;
    private final Optional<NodeRoutes> routes;
    private final Link inside;
    private final Link outside;
    private final int slices;
    private final int[] nodeOf;
    /** By rank: the ranks that forward rows to it. */
    private final List<List<Integer>> peers;
    /** By rank, seconds of all measured steps: what its four ports take. */
    private final double[][] ports;
    /** By rank of experts: when it has what askers sent, and when its answers are there. */
    private final double[] received;

    private final double[] done;
    /** Of answers inside the node, and beyond. */
    private final Sizes near = new Sizes();

    private final Sizes far = new Sizes();

    /** What ranks compute, in seconds. */
    public interface Computing {
        /**
         * {@return seconds that a group's first rank computes before it sends a layer's rows}
         *
         * @param group attention group
         * @param microBatch micro-batch
         * @param layer the layer, or the number of layers for what comes after all of them
         */
        double own(int group, int microBatch, int layer);

        /**
         * {@return seconds that a rank of an expert group computes a layer's experts}
         *
         * @param expertGroup expert group, over all copies
         * @param microBatch micro-batch
         * @param layer the layer
         * @param step measured step, from 0
         */
        double experts(int expertGroup, int microBatch, int layer, int step);
    }

    /** Messages that leave together, by size in pairs of a row and an expert. */
    private static final class Sizes {
        private int[] number = new int[16];
        private long[] sent = new long[16];
        private int most;

        void clear() {
            Arrays.fill(number, 0, most + 1, 0);
            most = 0;
        }

        void add(int size) {
            if (size >= number.length) {
                number = Arrays.copyOf(number, 2 * size);
                sent = new long[number.length];
            }
            number[size]++;
            most = Math.max(most, size);
        }

        /** Of each size, how much of all has left when such a message has: of larger ones as much. */
        void close() {
            long smaller = 0;
            int larger = 0;
            for (int size = 0; size <= most; size++) {
                larger += number[size];
            }
            for (int size = 0; size <= most; size++) {
                sent[size] = smaller + (long) size * larger;
                smaller += (long) size * number[size];
                larger -= number[size];
            }
        }

        /** All of them. */
        long total() {
            return sent[most];
        }
    }

    private ExchangeBound(Simulation simulation, Batches batches, SharedLoads shared) {
        plan = simulation.plan();
        placement = plan.placement();
        scenario = simulation.scenario();
        this.batches = batches;
        loads = new ExpertLoads(simulation, batches, Optional.of(shared));
        routes = NodeRoutes.of(plan);
        Cluster cluster = simulation.cluster();
        inside = cluster.links().intraNode();
        outside = cluster.links().interNode();
        slices = ((Layout.Separated) plan.layout()).attentionTensorParallel();
        nodeOf = plan.devices().stream().mapToInt(cluster::nodeOf).toArray();
        int n = plan.ranks().size();
        peers = IntStream.range(0, n)
                .mapToObj(rank -> forwards(rank) ? routes.orElseThrow().peers(rank) : List.<Integer>of())
                .toList();
        ports = new double[n][4];
        received = new double[n];
        done = new double[n];
    }

    /**
     * {@return the bound of a simulation; empty where layout or cluster send their messages in other ways}
     *
     * @param simulation of decode steps
     * @param shared what other bounds and simulations of the same layout have counted already
     */
    public static Optional<ExchangeBound> of(Simulation simulation, SharedLoads shared) {
        Plan plan = simulation.plan();
        boolean applies = plan.layout() instanceof Layout.Separated
                && plan.layout().combine() != CombineMode.SUMS
                && !plan.placement().experts().replicated()
                && !simulation.cluster().host().shared()
                && plan.devices().stream().distinct().count() == plan.devices().size();
        if (!applies) {
            return Optional.empty();
        }
        Scenario scenario = simulation.scenario();
        return Optional.of(new ExchangeBound(
                simulation,
                Batches.decode(
                        new MemoryFit(simulation).shares(), scenario.context(),
                        scenario.warmup() + scenario.steps()),
                shared));
    }

    /**
     * Bounds all micro-batches; afterwards {@link #portSeconds} is known.
     *
     * @param computing times of the ranks
     * @return seconds from token to token, by attention group and micro-batch
     */
    public double[][] seconds(Computing computing) {
        double[][] seconds = new double[plan.groups()][batches.microBatches()];
        int layers = plan.config().layers().size();
        for (int copy = 0; copy < placement.copies(); copy++) {
            int of = copy;
            int[] groups = IntStream.range(0, plan.groups()).filter(g -> placement.copyOf(g) == of).toArray();
            int[] expertGroups = IntStream.range(0, placement.groups())
                    .filter(e -> placement.copyOfExperts(e) == of)
                    .toArray();
            for (int m = 0; m < batches.microBatches(); m++) {
                double[] times = new double[plan.groups()];
                for (int step = 0; step < scenario.steps(); step++) {
                    for (int layer = 0; layer < layers; layer++) {
                        for (int g : groups) {
                            times[g] += computing.own(g, m, layer);
                        }
                        pass(groups, expertGroups, times, computing, new At(m, layer, step));
                    }
                    for (int g : groups) {
                        times[g] += computing.own(g, m, layers);
                    }
                }
                for (int g : groups) {
                    seconds[g][m] = times[g] / scenario.steps();
                }
            }
        }
        return seconds;
    }

    /**
     * {@return seconds of a step in which the busiest port of a rank is in use, for all micro-batches}
     *
     * @param rank index of the rank
     */
    public double portSeconds(int rank) {
        return Arrays.stream(ports[rank]).max().orElse(0) / scenario.steps();
    }

    /** A micro-batch in a layer of a measured step. */
    private record At(int microBatch, int layer, int step) {
        boolean first() {
            return layer == 0 && step == 0;
        }
    }

    /** Whether a rank of experts is asked from other nodes and forwards what it is sent. */
    private boolean forwards(int rank) {
        int e = placement.groupOf(rank);
        return routes.isPresent() && e >= 0 && IntStream.range(0, plan.groups())
                .anyMatch(g -> placement.copyOf(g) == placement.copyOfExperts(e)
                        && apart(placement.askerOf(g, e), rank));
    }

    private boolean apart(int rank, int other) {
        return nodeOf[rank] != nodeOf[other];
    }

    private double latency(int rank, int other) {
        return (apart(rank, other) ? outside : inside).latencySeconds();
    }

    /** From when groups send their rows, in {@code times}, to when they have their answers. */
    private void pass(int[] groups, int[] expertGroups, double[] times, Computing computing, At at) {
        ExpertLoads.Counts counts = loads.of(at.layer(), at.microBatch(), scenario.warmup() + at.step());
        double answer = (double) plan.config().hidden() * scenario.conditions().activationBytes() + 4;
        double row = answer + 4.0 * plan.config().layers().get(at.layer()).routing().slots();
        for (int e : expertGroups) {
            for (int rank : placement.ranksOf(e)) {
                receive(rank, groups, times, counts, row, at.first());
            }
        }
        for (int e : expertGroups) {
            for (int rank : placement.ranksOf(e)) {
                done[rank] = all(rank, counts, row)
                        + computing.experts(e, at.microBatch(), at.layer(), at.step());
            }
        }
        for (int g : groups) {
            times[g] = answers(g, expertGroups, counts, answer);
        }
        for (int e : expertGroups) {
            for (int rank : placement.ranksOf(e)) {
                answer(rank, groups, times, counts, answer);
            }
        }
    }

    /** When a rank of experts has what its askers send. */
    private void receive(
            int rank, int[] groups, double[] times, ExpertLoads.Counts counts, double bytes, boolean first) {
        int e = placement.groupOf(rank);
        double earliest = Double.POSITIVE_INFINITY;
        double latest = 0;
        long nearRows = 0;
        long farRows = 0;
        for (int g : groups) {
            int asker = placement.askerOf(g, e);
            boolean apart = apart(asker, rank);
            int rows = apart && routes.isPresent() ? counts.entering(g, rank) : counts.rows(g, e);
            nearRows += apart ? 0 : rows;
            farRows += apart ? rows : 0;
            ports[asker][apart ? 3 : 2] += bytes * rows / (apart ? outside : inside).bytesPerSecond();
            earliest = Math.min(earliest, times[g]);
            latest = first ? 0 : Math.max(latest, times[g] + latency(asker, rank));
        }
        double near = bytes * nearRows / inside.bytesPerSecond();
        double far = bytes * farRows / outside.bytesPerSecond();
        ports[rank][0] += near;
        ports[rank][1] += far;
        received[rank] = first
                ? earliest + Math.min(inside.latencySeconds(), outside.latencySeconds())
                : Math.max(latest, earliest + Math.max(
                        nearRows > 0 ? inside.latencySeconds() + near : 0,
                        farRows > 0 ? outside.latencySeconds() + far : 0));
    }

    /** When it has what its peers forward, too. */
    private double all(int rank, ExpertLoads.Counts counts, double bytes) {
        double all = received[rank];
        double earliest = Double.POSITIVE_INFINITY;
        long rows = 0;
        for (int peer : peers.get(rank)) {
            int forwarded = counts.forwarded(peer, rank);
            double seconds = bytes * forwarded / inside.bytesPerSecond();
            ports[peer][2] += seconds;
            ports[rank][0] += seconds;
            rows += forwarded;
            earliest = Math.min(earliest, received[peer]);
            all = Math.max(all, received[peer] + inside.latencySeconds());
        }
        return rows == 0
                ? all
                : Math.max(all, earliest + inside.latencySeconds() + bytes * rows / inside.bytesPerSecond());
    }

    /** When a group has its answers, as far as its own ports tell. */
    private double answers(int group, int[] expertGroups, ExpertLoads.Counts counts, double bytes) {
        double last = 0;
        for (int slice = 0; slice < Math.min(slices, expertGroups.length); slice++) {
            double earliest = Double.POSITIVE_INFINITY;
            double near = 0;
            double far = 0;
            int asker = placement.askerOf(group, expertGroups[slice]);
            for (int i = slice; i < expertGroups.length; i += slices) {
                double seconds = bytes * counts.pairs(group, expertGroups[i]);
                for (int rank : placement.ranksOf(expertGroups[i])) {
                    boolean apart = apart(asker, rank);
                    near += apart ? 0 : seconds / inside.bytesPerSecond();
                    far += apart ? seconds / outside.bytesPerSecond() : 0;
                    earliest = Math.min(earliest, done[rank]);
                }
            }
            ports[asker][0] += near;
            ports[asker][1] += far;
            last = Math.max(last, earliest + Math.max(
                    near > 0 ? inside.latencySeconds() + near : 0, far > 0 ? outside.latencySeconds() + far : 0));
        }
        return last;
    }

    /** A rank of experts sends its answers, later than groups knew. */
    private void answer(int rank, int[] groups, double[] times, ExpertLoads.Counts counts, double bytes) {
        int e = placement.groupOf(rank);
        near.clear();
        far.clear();
        for (int g : groups) {
            (apart(placement.askerOf(g, e), rank) ? far : near).add(counts.pairs(g, e));
        }
        near.close();
        far.close();
        ports[rank][2] += bytes * near.total() / inside.bytesPerSecond();
        ports[rank][3] += bytes * far.total() / outside.bytesPerSecond();
        for (int g : groups) {
            boolean apart = apart(placement.askerOf(g, e), rank);
            Link link = apart ? outside : inside;
            double left = bytes * (apart ? far : near).sent[counts.pairs(g, e)] / link.bytesPerSecond();
            times[g] = Math.max(times[g], done[rank] + link.latencySeconds() + left);
        }
    }
}
