package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.CollectiveTable.Operation;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Link;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Times of collectives. Inside a node they are read from the cluster's measured tables, of the implementation asked for
 * or of the other one where that has none; without any table they have α–β costs. Across nodes they are hierarchical.
 */
final class CollectiveTimes {
    private final Cluster cluster;
    private final int[] node;
    private final Measured allReduce;
    private final Measured allToAll;
    /** By the list itself: a group has one. */
    private final IdentityHashMap<List<Integer>, Spread> spreads = new IdentityHashMap<>();

    /** How a group of devices lies over nodes. */
    private record Spread(int devices, int nodes, int mostInNode) {}

    /** Tables of one operation by number of devices; none if nothing is measured. */
    private record Measured(String implementation, NavigableMap<Integer, CollectiveTable> tables) {}

    CollectiveTimes(Cluster cluster, Collectives implementation) {
        this.cluster = cluster;
        allReduce = measured(Operation.ALL_REDUCE, implementation);
        allToAll = measured(Operation.ALL_TO_ALL, implementation);
        node = cluster.devices().stream().mapToInt(Cluster.Device::node).toArray();
    }

    private Measured measured(Operation operation, Collectives implementation) {
        List<CollectiveTable> all = cluster.collectives().stream()
                .filter(t -> t.operation() == operation)
                .toList();
        String wanted = implementation.id();
        String used = all.stream().anyMatch(t -> t.implementation().equals(wanted)) || all.isEmpty()
                ? wanted
                : all.getFirst().implementation();
        TreeMap<Integer, CollectiveTable> tables = new TreeMap<>();
        all.stream().filter(t -> t.implementation().equals(used)).forEach(t -> tables.putIfAbsent(t.devices(), t));
        return new Measured(used, tables);
    }

    /** Where the times of an operation inside a node come from, in words. */
    String source(Operation operation) {
        Measured measured = operation == Operation.ALL_REDUCE ? allReduce : allToAll;
        if (measured.tables().isEmpty()) {
            return "latency and bandwidth of the link: the cluster has no measured times";
        }
        return "%s, measured for %s devices".formatted(measured.implementation(), String.join(", ",
                measured.tables().keySet().stream().map(String::valueOf).toList()));
    }

    private Spread spread(List<Integer> devices) {
        return spreads.computeIfAbsent(devices, group -> {
            Map<Integer, Integer> counts = new HashMap<>();
            group.forEach(d -> counts.merge(node[d], 1, Integer::sum));
            int most = counts.values().stream().mapToInt(n -> n).max().orElse(1);
            return new Spread(group.size(), counts.size(), most);
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
        double seconds = 0;
        if (spread.mostInNode() > 1) {
            double sent = 2 * bytes * shareSent(spread.mostInNode());
            seconds = allReduce.tables().isEmpty()
                    ? 2 * cluster.links().intraNode().latencySeconds()
                            + sent / cluster.links().intraNode().bytesPerSecond()
                    : seconds(allReduce, spread.mostInNode(), bytes, sent);
        }
        if (spread.nodes() > 1) {
            Link link = cluster.links().interNode();
            int steps = 32 - Integer.numberOfLeadingZeros(spread.nodes() - 1);
            double part = bytes / spread.mostInNode();
            seconds += 2 * steps * link.latencySeconds()
                    + 2 * shareSent(spread.nodes()) * part / outsideRate(spread);
        }
        return seconds;
    }

    /**
     * An exchange of parts of any size.
     *
     * @param insideBytes most bytes that one device sends or receives inside its node
     * @param outsideBytes most bytes that one device sends to or receives from other nodes
     */
    double allToAllSeconds(List<Integer> devices, double insideBytes, double outsideBytes) {
        Spread spread = spread(devices);
        double seconds = 0;
        if (spread.mostInNode() > 1) {
            seconds = allToAll.tables().isEmpty()
                    ? cluster.links().intraNode().seconds(insideBytes)
                    : seconds(allToAll, spread.mostInNode(),
                            insideBytes / shareSent(spread.mostInNode()), insideBytes);
        }
        if (spread.nodes() > 1) {
            double outside = cluster.links().interNode().latencySeconds() + outsideBytes / outsideRate(spread);
            seconds = Math.max(seconds, outside);
        }
        return seconds;
    }

    /** A ring or an exchange over n sends all of a buffer but its own part. */
    private static double shareSent(int n) {
        return (n - 1.0) / n;
    }

    private double outsideRate(Spread spread) {
        return Math.min(
                cluster.links().interNode().bytesPerSecond(),
                cluster.links().nodeUplinkBytesPerSecond() / spread.mostInNode());
    }

    /**
     * Between two measured numbers of devices by a straight line over their logarithms. A group smaller or larger than
     * any measured one takes as long as the nearest takes for a buffer of which a device sends as much.
     */
    private double seconds(Measured measured, int devices, double bytes, double sent) {
        Map.Entry<Integer, CollectiveTable> below = measured.tables().floorEntry(devices);
        Map.Entry<Integer, CollectiveTable> above = measured.tables().ceilingEntry(devices);
        if (below == null || above == null) {
            CollectiveTable nearest = (below == null ? above : below).getValue();
            return seconds(nearest, bytes * shareSent(devices) / shareSent(nearest.devices()), sent);
        }
        double few = seconds(below.getValue(), bytes, sent);
        if (below.getKey().equals(above.getKey())) {
            return few;
        }
        double many = seconds(above.getValue(), bytes, sent);
        double share = Math.log((double) devices / below.getKey()) / Math.log((double) above.getKey() / below.getKey());
        return few * Math.pow(many / few, share);
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
