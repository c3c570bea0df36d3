package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The other dispatch of a layout of MA Separation, where rows cross to nodes once, and whether that takes less time. An
 * estimate tells: one exchange by itself, by the closed form of {@code simulate.Ports}, with rows that go to all
 * experts alike.
 */
final class NodeDispatch {
    private final Layout.Separated layout;
    private final int[] nodeOf;
    private final int slices;
    private final int groups;
    private final int perCopy;

    private NodeDispatch(Layout.Separated layout, int[] nodeOf) {
        this.layout = layout;
        this.nodeOf = nodeOf;
        slices = layout.attentionTensorParallel();
        groups = layout.attentionDevices() / slices;
        perCopy = layout.expertGroups();
    }

    /**
     * The layout with rows that cross to each node of the cluster once; empty if that is the same as sending them to
     * each rank.
     */
    static Optional<PlacedLayout> of(PlacedLayout placed, Cluster cluster) {
        return choice(placed, cluster)
                .filter(NodeDispatch::forwards)
                .map(choice -> new PlacedLayout(
                        placed.setup().withLayout(choice.layout.withDispatch(
                                Dispatch.byNode(choice.nodeOf.length, rank -> choice.nodeOf[rank]))),
                        placed.devices()));
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
        double rows = (double) batch / placed.setup().batching().microBatches();
        return choice(placed, cluster)
                .filter(choice -> choice.seconds(config, cluster.links(), rows * rowBytes, true) < choice.seconds(
                        config, cluster.links(), rows * rowBytes, false))
                .isPresent();
    }

    private static Optional<NodeDispatch> choice(PlacedLayout placed, Cluster cluster) {
        int[] nodeOf = placed.devices().stream().mapToInt(cluster::nodeOf).toArray();
        return placed.setup().layout() instanceof Layout.Separated ma && !cluster.host().shared()
                ? Optional.of(new NodeDispatch(ma, nodeOf))
                : Optional.empty();
    }

    /** Ranks of experts that one asker has in a node, and the expert groups that they are of. */
    private record Share(int ranks, int groups) {}

    /** What the askers of a copy and slice have in each node. */
    private Map<Integer, Share> shares(int copy, int slice) {
        Map<Integer, Share> shares = new HashMap<>();
        int parts = layout.expertTensorParallel();
        for (int group = slice; group < perCopy; group += slices) {
            Map<Integer, Integer> ranks = new HashMap<>();
            for (int part = 0; part < parts; part++) {
                int rank = layout.attentionDevices() + (copy * perCopy + group) * parts + part;
                ranks.merge(nodeOf[rank], 1, Integer::sum);
            }
            ranks.forEach((node, n) -> shares.merge(
                    node, new Share(n, 1), (a, b) -> new Share(a.ranks + b.ranks, a.groups + b.groups)));
        }
        return shares;
    }

    /** Whether any rank is asked from another node than its own and has a peer there. */
    private boolean forwards() {
        for (int copy = 0; copy < layout.expertReplicas(); copy++) {
            for (int slice = 0; slice < slices; slice++) {
                for (Map.Entry<Integer, Share> share : shares(copy, slice).entrySet()) {
                    for (int group = copy; group < groups && share.getValue().ranks > 1; group +=
                            layout.expertReplicas()) {
                        if (nodeOf[group * slices + slice] != share.getKey()) {
                            return true;
                        }
                    }
                }
            }
        }
        return false;
    }

    /**
     * Seconds of an exchange.
     *
     * @param bytes of all rows
     */
    private double seconds(ModelConfig config, Links links, double bytes, boolean once) {
        int topK = config.maxTopK();
        double crossing = 0;
        double forwarding = 0;
        Map<Integer, Double> uplinks = new HashMap<>();
        for (int copy = 0; copy < layout.expertReplicas(); copy++) {
            for (int slice = 0; slice < slices; slice++) {
                Map<Integer, Share> shares = shares(copy, slice);
                Map<Integer, Double> in = new HashMap<>();
                for (int group = copy; group < groups; group += layout.expertReplicas()) {
                    int home = nodeOf[group * slices + slice];
                    double out = 0;
                    for (Map.Entry<Integer, Share> share : shares.entrySet()) {
                        if (share.getKey() != home) {
                            double sent = bytes / groups * copies(share.getValue(), topK, once);
                            out += sent;
                            in.merge(share.getKey(), sent, Double::sum);
                        }
                    }
                    crossing = Math.max(crossing, out);
                    uplinks.merge(2 * home, out, Double::sum);
                }
                for (Map.Entry<Integer, Double> of : in.entrySet()) {
                    Share share = shares.getOrDefault(of.getKey(), new Share(1, 1));
                    double ofRank = of.getValue() / share.ranks;
                    crossing = Math.max(crossing, ofRank);
                    double needed = copies(share, topK, false) / copies(share, topK, true);
                    forwarding = Math.max(forwarding, ofRank * (needed - 1));
                    uplinks.merge(2 * of.getKey() + 1, of.getValue(), Double::sum);
                }
            }
        }
        double uplink = uplinks.values().stream().mapToDouble(b -> b).max().orElse(0);
        double there = links.interNode().latencySeconds() + Math.max(
                crossing / links.interNode().bytesPerSecond(), uplink / links.nodeUplinkBytesPerSecond());
        return once
                ? there + links.intraNode().latencySeconds() + forwarding / links.intraNode().bytesPerSecond()
                : there;
    }

    /** How often a row is sent to a node, where it goes to each of its ranks or to one of them. */
    private double copies(Share share, int topK, boolean once) {
        return once
                ? 1 - Math.pow(1 - (double) share.groups / perCopy, topK)
                : share.ranks * (1 - Math.pow(1 - 1.0 / perCopy, topK));
    }
}
