package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Link;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Times of messages. Each device has a port each way inside its node and another one towards other nodes, and the
 * devices of a node may share an uplink. Whatever lies on a message's way works at the same time, so the slowest part
 * decides: messages that leave together share the sender's port equally; each needs the receiver's port for its bytes,
 * a latency later and behind what was sent there before; and an uplink that cannot carry what all ports bring stretches
 * everything that passes it. M senders that each send to N receivers are therefore through after a latency and the
 * largest time that any one port needs for its bytes.
 */
final class Ports {
    private final Cluster cluster;
    private final int[] node;
    private final double[] insideIn;
    private final double[] outsideIn;
    private final Uplink[] uplinkOut;
    private final Uplink[] uplinkIn;
    /** By node: whether its devices' ports could bring more than its uplink carries. */
    private final boolean[] limited;

    Ports(Cluster cluster) {
        this.cluster = cluster;
        node = cluster.devices().stream().mapToInt(Cluster.Device::node).toArray();
        insideIn = new double[node.length];
        outsideIn = new double[node.length];
        int[] devices = new int[1 + Arrays.stream(node).max().orElse(0)];
        Arrays.stream(node).forEach(n -> devices[n]++);
        double uplink = cluster.links().nodeUplinkBytesPerSecond();
        uplinkOut = uplinks(devices.length, uplink);
        uplinkIn = uplinks(devices.length, uplink);
        limited = new boolean[devices.length];
        for (int n = 0; n < limited.length; n++) {
            limited[n] = uplink < devices[n] * cluster.links().interNode().bytesPerSecond();
        }
    }

    private static Uplink[] uplinks(int nodes, double bytesPerSecond) {
        return IntStream.range(0, nodes).mapToObj(n -> new Uplink(bytesPerSecond)).toArray(Uplink[]::new);
    }

    /**
     * Sends messages that leave together. Calls come in the order of their starts.
     *
     * @param from the sending device
     * @param to the receiving device of each message
     * @param bytes of each message
     * @param start when the first byte leaves, in seconds
     * @param arrivals when the last byte of each message is there, in seconds: filled in
     * @return when the sender's ports are free again, in seconds
     */
    double send(int from, int[] to, double[] bytes, double start, double[] arrivals) {
        int home = node[from];
        // Until messages arrive, a time is how long after the first one's first byte their last byte passes.
        double[] times = arrivals;
        Arrays.fill(times, 0);
        int[] inside = select(to.length, i -> to[i] != from && node[to[i]] == home);
        double end = leave(inside, bytes, cluster.links().intraNode(), times);
        int[] outside = select(to.length, i -> node[to[i]] != home);
        end = Math.max(end, leave(outside, bytes, cluster.links().interNode(), times));
        double first = 0;
        if (limited[home]) {
            first = pass(uplinkOut[home], outside, bytes, start, 0, times);
            for (int i : outside) {
                end = Math.max(end, times[i]);
            }
        }
        double reached = start + cluster.links().interNode().latencySeconds();
        for (int n = 0; n < limited.length; n++) {
            if (limited[n] && n != home) {
                int receiving = n;
                pass(uplinkIn[n], select(to.length, i -> node[to[i]] == receiving), bytes, reached, first, times);
            }
        }
        for (int i = 0; i < to.length; i++) {
            arrivals[i] = to[i] == from ? start : start + times[i];
        }
        arrive(inside, to, bytes, cluster.links().intraNode(), start, insideIn, arrivals);
        arrive(outside, to, bytes, cluster.links().interNode(), start, outsideIn, arrivals);
        return start + end;
    }

    /** How long messages take the sender's ports if no uplink is in their way, in seconds. */
    double seconds(int from, int[] to, double[] bytes) {
        double inside = 0;
        double outside = 0;
        for (int i = 0; i < to.length; i++) {
            if (node[to[i]] != node[from]) {
                outside += bytes[i];
            } else if (to[i] != from) {
                inside += bytes[i];
            }
        }
        return Math.max(
                inside / cluster.links().intraNode().bytesPerSecond(),
                outside / cluster.links().interNode().bytesPerSecond());
    }

    private static int[] select(int n, IntPredicate wanted) {
        int[] selected = new int[n];
        int size = 0;
        for (int i = 0; i < n; i++) {
            if (wanted.test(i)) {
                selected[size++] = i;
            }
        }
        return Arrays.copyOf(selected, size);
    }

    /**
     * Messages share a port equally: until the last byte of one has left, as many bytes of each other one have that is
     * not smaller, and all of those that are.
     */
    private static double leave(int[] messages, double[] bytes, Link link, double[] times) {
        double last = 0;
        for (int i : messages) {
            double sent = 0;
            for (int j : messages) {
                sent += Math.min(bytes[i], bytes[j]);
            }
            times[i] = sent / link.bytesPerSecond();
            last = Math.max(last, times[i]);
        }
        return last;
    }

    /**
     * Lets messages through an uplink, which makes all of them take longer alike.
     *
     * @param now what times count from
     * @param first when their first byte comes
     * @param times when their last bytes come; afterwards, when they are through
     * @return when their first byte is through
     */
    private static double pass(
            Uplink uplink, int[] messages, double[] bytes, double now, double first, double[] times) {
        double sum = 0;
        double last = first;
        for (int i : messages) {
            sum += bytes[i];
            last = Math.max(last, times[i]);
        }
        if (sum == 0) {
            return first;
        }
        Uplink.Passage passage = uplink.carry(now, now + first, sum, sum / (last - first));
        double begin = passage.begin() - now;
        double end = passage.end() - now;
        for (int i : messages) {
            double part = last == first ? 1 : (times[i] - first) / (last - first);
            times[i] = begin + part * (end - begin);
        }
        return begin;
    }

    /** A receiver's port takes messages in the order in which they were sent. */
    private static void arrive(
            int[] messages, int[] to, double[] bytes, Link link, double start, double[] port, double[] arrivals) {
        for (int i : messages) {
            arrivals[i] += link.latencySeconds();
            // What carries nothing waits for nothing.
            if (bytes[i] > 0) {
                double free = Math.max(port[to[i]], start + link.latencySeconds());
                port[to[i]] = free + bytes[i] / link.bytesPerSecond();
                arrivals[i] = Math.max(arrivals[i], port[to[i]]);
            }
        }
    }
}
