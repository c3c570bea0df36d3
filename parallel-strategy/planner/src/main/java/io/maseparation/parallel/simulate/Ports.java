package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Link;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Times of messages. Each device has a port each way inside its node and another one towards other nodes, and the
 * devices of a node may share an uplink. Whatever lies on a message's way works at the same time, so the slowest part
 * decides: messages that leave together share the sender's port equally; each needs the receiver's port for its bytes,
 * a latency later and behind what was sent there before; and uplinks that cannot carry what all ports bring are shared
 * by {@link Uplinks}. M senders that each send to N receivers are therefore through after a latency and the largest
 * time that any one port needs for its bytes.
 */
final class Ports {
    private static final int[] NO_LINKS = {};

    private static final int[] NO_MESSAGES = {};

    private final Cluster cluster;
    private final int[] node;
    private final double[] insideIn;
    private final double[] outsideIn;
    private final Uplinks uplinks;
    /** By node: whether its devices' ports could bring more than its uplink carries. */
    private final boolean[] limited;

    private final boolean anyLimited;

    /** Told how messages fare. */
    interface Delivery {
        /**
         * A message's last byte arrives.
         *
         * @param message its index
         * @param time when, in seconds; not before the time of this call
         */
        void arrives(int message, double time);

        /**
         * The sender's ports are free again.
         *
         * @param time when, in seconds; not before the time of this call
         */
        void left(double time);
    }

    /** @param clock told what to do later */
    Ports(Cluster cluster, Uplinks.Clock clock) {
        this.cluster = cluster;
        node = cluster.devices().stream().mapToInt(Cluster.Device::node).toArray();
        insideIn = new double[node.length];
        outsideIn = new double[node.length];
        int[] devices = new int[1 + Arrays.stream(node).max().orElse(0)];
        Arrays.stream(node).forEach(n -> devices[n]++);
        double uplink = cluster.links().nodeUplinkBytesPerSecond();
        uplinks = new Uplinks(devices.length, uplink, clock);
        limited = new boolean[devices.length];
        boolean any = false;
        for (int n = 0; n < limited.length; n++) {
            limited[n] = uplink < devices[n] * cluster.links().interNode().bytesPerSecond();
            any |= limited[n];
        }
        anyLimited = any;
    }

    /**
     * Sends messages that leave together. Calls come in the order of their times.
     *
     * @param from the sending device
     * @param to the receiving device of each message
     * @param bytes of each message
     * @param now when the first byte leaves, in seconds
     * @param delivery told when messages arrive and when all have left
     */
    void send(int from, int[] to, double[] bytes, double now, Delivery delivery) {
        int[] inside = new int[to.length];
        int[] outside = new int[to.length];
        int near = 0;
        int far = 0;
        for (int i = 0; i < to.length; i++) {
            if (node[to[i]] != node[from]) {
                outside[far++] = i;
            } else if (to[i] == from) {
                delivery.arrives(i, now);
            } else {
                inside[near++] = i;
            }
        }
        Sending within = new Sending(some(inside, near), bytes, cluster.links().intraNode());
        within.deliver(to, now, insideIn, delivery);
        Sending beyond = new Sending(some(outside, far), bytes, cluster.links().interNode());
        int[] links = beyond.total > 0 ? limitedLinks(node[from], to, beyond.messages) : NO_LINKS;
        if (links.length == 0) {
            beyond.deliver(to, now, outsideIn, delivery);
            delivery.left(now + Math.max(within.seconds(), beyond.seconds()));
        } else {
            pass(beyond, links, to, now, now + within.seconds(), delivery);
        }
    }

    private static int[] some(int[] messages, int number) {
        return number == 0 ? NO_MESSAGES : number == messages.length ? messages : Arrays.copyOf(messages, number);
    }

    private int[] limitedLinks(int home, int[] to, int[] messages) {
        if (!anyLimited) {
            return NO_LINKS;
        }
        IntStream in = IntStream.of(messages).map(i -> node[to[i]]).distinct().filter(n -> limited[n]).map(Uplinks::in);
        return IntStream.concat(limited[home] ? IntStream.of(Uplinks.out(home)) : IntStream.empty(), in)
                .toArray();
    }

    /** Messages leave through uplinks, which say bit by bit when. */
    private void pass(Sending sending, int[] links, int[] to, double now, double freeWithin, Delivery delivery) {
        double[] parts = new double[links.length];
        for (int i = 0; i < links.length; i++) {
            for (int message : sending.messages) {
                boolean uses = Uplinks.isOut(links[i]) || links[i] == Uplinks.in(node[to[message]]);
                parts[i] += uses ? sending.bytes[message] / sending.total : 0;
            }
        }
        double latency = sending.link.latencySeconds();
        double[] port = sending.book(to, now, outsideIn);
        int[] order = IntStream.range(0, sending.messages.length)
                .boxed()
                .sorted((a, b) -> Double.compare(sending.sent[a], sending.sent[b]))
                .mapToInt(i -> i)
                .toArray();
        double[] marks = Arrays.stream(order).mapToDouble(i -> sending.sent[i]).toArray();
        uplinks.add(
                new Uplinks.Flow(sending.link.bytesPerSecond(), links, parts, marks, (index, time) -> {
                    int i = order[index];
                    delivery.arrives(sending.messages[i], Math.max(time + latency, port[i]));
                    if (index == order.length - 1) {
                        delivery.left(Math.max(time, freeWithin));
                    }
                }),
                now);
    }

    /** Messages of one sender that share a port. */
    private static final class Sending {
        final int[] messages;
        final double[] bytes;
        final Link link;
        /**
         * By message, how many bytes of all have left when its last one has: of each other one as many as it has
         * itself, or all of those that are smaller.
         */
        final double[] sent;
        /** Bytes of all. */
        final double total;

        Sending(int[] messages, double[] bytes, Link link) {
            this.messages = messages;
            this.bytes = bytes;
            this.link = link;
            double[] sorted = new double[messages.length];
            for (int i = 0; i < sorted.length; i++) {
                sorted[i] = bytes[messages[i]];
            }
            Arrays.sort(sorted);
            double[] below = new double[sorted.length + 1];
            for (int i = 0; i < sorted.length; i++) {
                below[i + 1] = below[i] + sorted[i];
            }
            total = below[sorted.length];
            sent = new double[messages.length];
            for (int i = 0; i < sent.length; i++) {
                double own = bytes[messages[i]];
                int at = Math.max(0, Arrays.binarySearch(sorted, own));
                sent[i] = below[at] + own * (sorted.length - at);
            }
        }

        double seconds() {
            return total / link.bytesPerSecond();
        }

        /**
         * Takes receivers' ports, in the order in which messages are sent.
         *
         * @return when each message is through its receiver's port; 0 for one that carries nothing and waits for
         *     nothing
         */
        double[] book(int[] to, double now, double[] ports) {
            double[] through = new double[messages.length];
            for (int i = 0; i < through.length; i++) {
                int message = messages[i];
                if (bytes[message] > 0) {
                    double free = Math.max(ports[to[message]], now + link.latencySeconds());
                    ports[to[message]] = free + bytes[message] / link.bytesPerSecond();
                    through[i] = ports[to[message]];
                }
            }
            return through;
        }

        void deliver(int[] to, double now, double[] ports, Delivery delivery) {
            double[] through = book(to, now, ports);
            for (int i = 0; i < through.length; i++) {
                double arrival = now + link.latencySeconds() + sent[i] / link.bytesPerSecond();
                delivery.arrives(messages[i], Math.max(arrival, through[i]));
            }
        }
    }
}
