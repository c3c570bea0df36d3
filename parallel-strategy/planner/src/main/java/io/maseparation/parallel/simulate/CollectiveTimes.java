package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.CollectiveTable.Operation;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Link;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Times of collectives. Inside a node they are read from the cluster's measured tables, of the implementation asked for
 * or of the other one where that has none; without any table they have α–β costs. Across nodes they are hierarchical.
 */
public final class CollectiveTimes {
    private final Cluster cluster;
    private final int[] node;
    private final Collectives wanted;
    /** By the list itself: a group has one. */
    private final IdentityHashMap<List<Integer>, Spread> spreads = new IdentityHashMap<>();

    private final Map<Use, Measured> measured = new HashMap<>();

    private record Use(Operation operation, int devices) {}

    /** How the devices of a group lie over nodes; ranks that share a device count once. */
    private record Spread(int nodes, int mostInNode, int leastInNode) {}

    /** Tables of one implementation of an operation, by number of devices; empty if nothing is measured. */
    private record Measured(Collectives implementation, NavigableMap<Integer, CollectiveTable> tables) {
        /** Whether a group of this size was measured, or a smaller and a larger one. */
        boolean covers(int devices) {
            return tables.floorKey(devices) != null && tables.ceilingKey(devices) != null;
        }
    }

    /**
     * Times on a cluster.
     *
     * @param cluster devices, links and tables
     * @param implementation whose tables come first
     */
    public CollectiveTimes(Cluster cluster, Collectives implementation) {
        this.cluster = cluster;
        wanted = implementation;
        node = cluster.devices().stream().mapToInt(Cluster.Device::node).toArray();
    }

    private Measured measured(Operation operation, int devices) {
        return measured.computeIfAbsent(new Use(operation, devices), use -> choose(operation, devices));
    }

    /** The implementation asked for, unless another one is measured for so many devices and it is not. */
    private Measured choose(Operation operation, int devices) {
        Map<Collectives, Measured> all = new LinkedHashMap<>();
        all.put(wanted, new Measured(wanted, new TreeMap<>()));
        for (CollectiveTable table : cluster.collectives()) {
            if (table.operation() == operation) {
                all.computeIfAbsent(table.implementation(), name -> new Measured(name, new TreeMap<>()))
                        .tables()
                        .putIfAbsent(table.devices(), table);
            }
        }
        return all.values().stream()
                .filter(m -> m.covers(devices))
                .findFirst()
                .or(() -> all.values().stream().filter(m -> !m.tables().isEmpty()).findFirst())
                .orElseGet(() -> all.get(wanted));
    }

    /** Where the times of an operation over devices come from, in words. */
    String source(Operation operation, List<Integer> devices) {
        Spread spread = spread(devices);
        List<String> parts = new ArrayList<>();
        if (spread.mostInNode() > 1) {
            Measured measured = measured(operation, spread.mostInNode());
            String sizes = String.join(
                    ", ", measured.tables().keySet().stream().map(String::valueOf).toList());
            parts.add(measured.tables().isEmpty()
                    ? "latency and bandwidth of the link, as the cluster has no measured times"
                    : "%s, measured over %s devices".formatted(measured.implementation().id(), sizes));
        }
        if (spread.nodes() > 1) {
            parts.add("between nodes latency and bandwidth of the ports, without NCCL's own time");
        }
        return String.join("; ", parts);
    }

    private Spread spread(List<Integer> devices) {
        return spreads.computeIfAbsent(devices, group -> {
            Map<Integer, Long> counts = group.stream()
                    .distinct()
                    .collect(Collectors.groupingBy(device -> node[device], Collectors.counting()));
            return new Spread(
                    counts.size(),
                    Math.toIntExact(Collections.max(counts.values())),
                    Math.toIntExact(Collections.min(counts.values())));
        });
    }

    /**
     * A sum over devices: inside each node a reduce-scatter, between the nodes an all-reduce of each device's part,
     * inside each node an all-gather.
     *
     * @param devices devices of the group; one list object per group, since what is known of it is kept by that
     * @param bytes of one device's buffer
     * @return seconds
     */
    public double allReduceSeconds(List<Integer> devices, double bytes) {
        Spread spread = spread(devices);
        double seconds =
                insideSeconds(Operation.ALL_REDUCE, spread.mostInNode(), bytes * shareSent(spread.mostInNode()));
        if (spread.nodes() > 1) {
            Link link = cluster.links().interNode();
            int steps = 32 - Integer.numberOfLeadingZeros(spread.nodes() - 1);
            // A node's devices have a part each; all of a node's parts pass its uplink.
            double time = Math.max(
                    bytes / spread.leastInNode() / link.bytesPerSecond(),
                    bytes / cluster.links().nodeUplinkBytesPerSecond());
            seconds += 2 * steps * link.latencySeconds() + 2 * shareSent(spread.nodes()) * time;
        }
        return seconds;
    }

    /**
     * An exchange of parts of any size.
     *
     * @param insideBytes most bytes that one device sends or receives inside its node
     * @param outsideBytes most bytes that one device sends to or receives from other nodes
     * @param uplinkBytes most bytes that all devices of one node send to or receive from other nodes
     */
    double allToAllSeconds(List<Integer> devices, double insideBytes, double outsideBytes, double uplinkBytes) {
        Spread spread = spread(devices);
        double seconds = insideSeconds(Operation.ALL_TO_ALL, spread.mostInNode(), insideBytes);
        if (spread.nodes() > 1) {
            double outside = Math.max(
                    outsideBytes / cluster.links().interNode().bytesPerSecond(),
                    uplinkBytes / cluster.links().nodeUplinkBytesPerSecond());
            seconds = Math.max(seconds, cluster.links().interNode().latencySeconds() + outside);
        }
        return seconds;
    }

    /**
     * A collective inside a node.
     *
     * @param sent bytes that the busiest device sends each time: an all-reduce does so twice
     */
    private double insideSeconds(Operation operation, int devices, double sent) {
        if (devices == 1) {
            return 0;
        }
        int times = operation == Operation.ALL_REDUCE ? 2 : 1;
        Measured measured = measured(operation, devices);
        return measured.tables().isEmpty()
                ? times * cluster.links().intraNode().seconds(sent)
                : seconds(measured, devices, sent / shareSent(devices), times);
    }

    /** A ring or an exchange over n sends all of a buffer but its own part. */
    private static double shareSent(int n) {
        return (n - 1.0) / n;
    }

    /**
     * Between two measured numbers of devices by a straight line over their logarithms. A group smaller or larger than
     * any measured one takes as long as the nearest takes for a buffer of which a device sends as much.
     *
     * @param times how often a device sends its buffer without its own part
     */
    private double seconds(Measured measured, int devices, double bytes, int times) {
        Map.Entry<Integer, CollectiveTable> below = measured.tables().floorEntry(devices);
        Map.Entry<Integer, CollectiveTable> above = measured.tables().ceilingEntry(devices);
        if (below == null || above == null) {
            CollectiveTable nearest = (below == null ? above : below).getValue();
            return seconds(nearest, bytes * shareSent(devices) / shareSent(nearest.devices()), times);
        }
        double few = seconds(below.getValue(), bytes, times);
        if (below.getKey().equals(above.getKey())) {
            return few;
        }
        double many = seconds(above.getValue(), bytes, times);
        double share = Math.log((double) devices / below.getKey()) / Math.log((double) above.getKey() / below.getKey());
        return few * Math.pow(many / few, share);
    }

    /**
     * Below the table its first time, which is latency; above it the last time and the rest of the bytes at the port's
     * rate.
     */
    private double seconds(CollectiveTable table, double bytes, int times) {
        double rest = Math.max(0, bytes - table.points().getLast().bytes());
        return table.seconds(bytes)
                + times * rest * shareSent(table.devices()) / cluster.links().intraNode().bytesPerSecond();
    }
}
