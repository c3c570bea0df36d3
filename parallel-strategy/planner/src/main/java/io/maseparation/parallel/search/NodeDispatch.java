package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The other dispatch of a layout, where rows cross to nodes once, and whether that takes less time. An estimate tells:
 * one exchange by itself, by the closed form of {@code simulate.Ports}, with rows that go to all experts alike.
 */
final class NodeDispatch {
    private NodeDispatch() {}

    /**
     * The layout with rows that cross to each node of the cluster once; empty if that is the same as sending them to
     * each rank.
     */
    static Optional<PlacedLayout> of(PlacedLayout placed, Cluster cluster) {
        Layout layout = placed.setup().layout();
        return rails(placed, cluster).stream().anyMatch(Rail::forwards)
                ? Optional.of(new PlacedLayout(
                        placed.setup().withLayout(layout.withDispatch(
                                Dispatch.byNode(layout.ranks(), rank -> cluster.nodeOf(placed.devices().get(rank))))),
                        placed.devices()))
                : Optional.empty();
    }

    /** The same layout with rows that are sent to each rank. */
    static PlacedLayout direct(PlacedLayout placed) {
        return new PlacedLayout(
                placed.setup().withLayout(placed.setup().layout().withDispatch(Dispatch.DIRECT)), placed.devices());
    }

    /**
     * Whether rows get to their experts sooner if they cross to each node once.
     *
     * @param batch sequences over all ranks
     * @param rowBytes bytes of a row
     */
    static boolean isFaster(PlacedLayout placed, Cluster cluster, ModelConfig config, int batch, double rowBytes) {
        List<Rail> rails = rails(placed, cluster);
        double bytes = batch * rowBytes / placed.setup().batching().microBatches();
        return seconds(rails, config.maxTopK(), cluster.links(), bytes, true) < seconds(rails, config.maxTopK(),
                cluster.links(), bytes, false);
    }

    /** Ranks of experts that a rail has in a node, and the expert groups that they are of. */
    private record Share(int ranks, int groups) {}

    /**
     * Ranks that ask the same ranks of experts.
     *
     * @param askers node of each
     * @param shares what they ask, by node
     * @param part of all rows that each of them sends
     * @param groups expert groups that share out all experts
     */
    private record Rail(List<Integer> askers, Map<Integer, Share> shares, double part, int groups) {
        /** Whether any rank is asked from another node than its own and has a peer there. */
        boolean forwards() {
            return shares.entrySet().stream()
                    .anyMatch(s -> s.getValue().ranks > 1 && askers.stream().anyMatch(a -> !a.equals(s.getKey())));
        }

        /** How often a row is sent to a node, where it goes to each of its ranks or to one of them. */
        double copies(Share share, int topK, boolean once) {
            return once
                    ? 1 - Math.pow(1 - (double) share.groups / groups, topK)
                    : share.ranks * (1 - Math.pow(1 - 1.0 / groups, topK));
        }
    }

    private static List<Rail> rails(PlacedLayout placed, Cluster cluster) {
        if (cluster.host().shared()) {
            return List.of();
        }
        int[] nodeOf = placed.devices().stream().mapToInt(cluster::nodeOf).toArray();
        return switch (placed.setup().layout()) {
            case Layout.Separated ma -> separated(nodeOf, ma);
            case Layout.ExpertParallel ep -> expertParallel(nodeOf, ep);
            case Layout.Single _,Layout.TensorPipeline _ -> List.of();
        };
    }

    private static List<Rail> expertParallel(int[] nodeOf, Layout.ExpertParallel ep) {
        List<Rail> rails = new ArrayList<>();
        int n = ep.expertParallel();
        int slices = ep.attentionTensorParallel();
        for (int copy = 0; copy < ep.dataParallel(); copy++) {
            for (int slice = 0; slice < slices; slice++) {
                List<Integer> askers = new ArrayList<>();
                Map<Integer, Share> shares = new HashMap<>();
                for (int rank = copy * n + slice; rank < (copy + 1) * n; rank += slices) {
                    askers.add(nodeOf[rank]);
                    add(shares, nodeOf[rank], new Share(1, 1));
                }
                rails.add(new Rail(askers, shares, 1.0 / askers.size() / ep.dataParallel(), n));
            }
        }
        return rails;
    }

    private static List<Rail> separated(int[] nodeOf, Layout.Separated ma) {
        List<Rail> rails = new ArrayList<>();
        int attention = ma.attentionDevices();
        int slices = ma.attentionTensorParallel();
        int parts = ma.expertTensorParallel();
        int groups = ma.expertGroups();
        for (int copy = 0; copy < ma.expertReplicas(); copy++) {
            for (int slice = 0; slice < slices; slice++) {
                List<Integer> askers = new ArrayList<>();
                for (int rank = copy * slices + slice; rank < attention; rank += ma.expertReplicas() * slices) {
                    askers.add(nodeOf[rank]);
                }
                Map<Integer, Share> shares = new HashMap<>();
                for (int group = slice; group < groups; group += slices) {
                    Map<Integer, Share> ofGroup = new HashMap<>();
                    for (int part = 0; part < parts; part++) {
                        int rank = attention + (copy * groups + group) * parts + part;
                        ofGroup.merge(nodeOf[rank], new Share(1, 1), (a, b) -> new Share(a.ranks + 1, 1));
                    }
                    ofGroup.forEach((node, share) -> add(shares, node, share));
                }
                rails.add(new Rail(askers, shares, (double) slices / attention, groups));
            }
        }
        return rails;
    }

    private static void add(Map<Integer, Share> shares, int node, Share more) {
        shares.merge(node, more, (a, b) -> new Share(a.ranks + b.ranks, a.groups + b.groups));
    }

    /**
     * Seconds of an exchange.
     *
     * @param bytes of all rows
     */
    private static double seconds(List<Rail> rails, int topK, Links links, double bytes, boolean once) {
        double port = 0;
        double forwarded = 0;
        // By node and direction.
        Map<Integer, Double> uplinks = new HashMap<>();
        for (Rail rail : rails) {
            for (int home : rail.askers) {
                double out = 0;
                for (Map.Entry<Integer, Share> share : rail.shares.entrySet()) {
                    out += share.getKey() == home
                            ? 0
                            : bytes * rail.part * rail.copies(share.getValue(), topK, once);
                }
                port = Math.max(port, out);
                uplinks.merge(2 * home, out, Double::sum);
            }
            for (Map.Entry<Integer, Share> entry : rail.shares.entrySet()) {
                Share share = entry.getValue();
                long from = rail.askers.stream().filter(a -> !a.equals(entry.getKey())).count();
                double in = from * bytes * rail.part * rail.copies(share, topK, once);
                port = Math.max(port, in / share.ranks);
                forwarded = Math.max(forwarded, (from * bytes * rail.part * rail.copies(share, topK, false) - in)
                        / share.ranks);
                uplinks.merge(2 * entry.getKey() + 1, in, Double::sum);
            }
        }
        double uplink = uplinks.values().stream().mapToDouble(b -> b).max().orElse(0);
        double there = links.interNode().latencySeconds()
                + Math.max(port / links.interNode().bytesPerSecond(), uplink / links.nodeUplinkBytesPerSecond());
        return once
                ? there + links.intraNode().latencySeconds() + forwarded / links.intraNode().bytesPerSecond()
                : there;
    }
}
