package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Link;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Times of collectives. Inside a node they are read from the cluster's measured table, or have α–β costs; across nodes
 * they are hierarchical.
 */
final class CollectiveTimes {
    private final Cluster cluster;
    private final Optional<CollectiveTable> allReduce;
    private final Optional<CollectiveTable> allToAll;
    private final int[] node;
    /** By the list itself: a group has one. */
    private final IdentityHashMap<List<Integer>, Spread> spreads = new IdentityHashMap<>();

    /** How a group of devices lies over nodes. */
    private record Spread(int devices, int nodes, int mostInNode) {}

    CollectiveTimes(Cluster cluster, Collectives implementation) {
        this.cluster = cluster;
        allReduce = table(CollectiveTable.Operation.ALL_REDUCE, implementation);
        allToAll = table(CollectiveTable.Operation.ALL_TO_ALL, implementation);
        node = cluster.devices().stream().mapToInt(Cluster.Device::node).toArray();
    }

    private Spread spread(List<Integer> devices) {
        return spreads.computeIfAbsent(devices, group -> {
            Map<Integer, Integer> counts = new HashMap<>();
            group.forEach(d -> counts.merge(node[d], 1, Integer::sum));
            return new Spread(
                    group.size(),
                    counts.size(),
                    counts.values().stream().mapToInt(n -> n).max().orElse(1));
        });
    }

    /**
     * A sum over devices: inside each node a reduce-scatter, between the nodes an all-reduce of each device's part,
     * inside each node an all-gather.
     *
     * @param bytes of one device's buffer
     */
    double allReduceSeconds(List<Integer> devices, double bytes) {
        Spread spread = spread(devices);
        double seconds = spread.mostInNode() > 1 ? allReduceInNode(spread.mostInNode(), bytes) : 0;
        if (spread.nodes() > 1) {
            Link link = cluster.links().interNode();
            int steps = 32 - Integer.numberOfLeadingZeros(spread.nodes() - 1);
            double part = bytes / spread.mostInNode();
            double rate = Math.min(
                    link.bytesPerSecond(), cluster.links().nodeUplinkBytesPerSecond() / spread.mostInNode());
            seconds += 2 * steps * link.latencySeconds()
                    + 2.0 * (spread.nodes() - 1) / spread.nodes() * part / rate;
        }
        return seconds;
    }

    private double allReduceInNode(int n, double bytes) {
        double share = 2.0 * (n - 1) / n;
        if (allReduce.isPresent()) {
            // What one device sends decides: the size at which the measured group sends as much.
            int measured = allReduce.get().devices();
            return seconds(allReduce.get(), bytes * share / (2.0 * (measured - 1) / measured), share * bytes);
        }
        return 2 * cluster.links().intraNode().latencySeconds()
                + share * bytes / cluster.links().intraNode().bytesPerSecond();
    }

    /**
     * An exchange of parts of any size.
     *
     * @param insideBytes most bytes that one device sends or receives inside its node
     * @param outsideBytes most bytes that one device sends to or receives from other nodes
     */
    double allToAllSeconds(List<Integer> devices, double insideBytes, double outsideBytes) {
        Spread spread = spread(devices);
        if (spread.devices() == 1) {
            return 0;
        }
        double seconds = 0;
        if (spread.mostInNode() > 1) {
            if (allToAll.isPresent()) {
                int measured = allToAll.get().devices();
                seconds = seconds(allToAll.get(), insideBytes * measured / (measured - 1.0), insideBytes);
            } else {
                seconds = cluster.links().intraNode().seconds(insideBytes);
            }
        }
        if (spread.nodes() > 1) {
            double rate = Math.min(
                    cluster.links().interNode().bytesPerSecond(),
                    cluster.links().nodeUplinkBytesPerSecond() / spread.mostInNode());
            seconds = Math.max(seconds, cluster.links().interNode().latencySeconds() + outsideBytes / rate);
        }
        return seconds;
    }

    private Optional<CollectiveTable> table(CollectiveTable.Operation operation, Collectives implementation) {
        List<CollectiveTable> tables = cluster.collectives().stream()
                .filter(t -> t.operation() == operation)
                .toList();
        return tables.stream()
                .filter(t -> t.implementation().equals(implementation.id()))
                .findFirst()
                .or(() -> tables.stream().findFirst());
    }

    /**
     * Below the table its first time, which is latency; above it the last time and the rest of the bytes at the port's
     * rate.
     */
    private double seconds(CollectiveTable table, double bytes, double sent) {
        double last = table.points().getLast().bytes();
        double rest = bytes > last ? sent * (1 - last / bytes) : 0;
        return table.seconds(bytes) + rest / cluster.links().intraNode().bytesPerSecond();
    }
}
