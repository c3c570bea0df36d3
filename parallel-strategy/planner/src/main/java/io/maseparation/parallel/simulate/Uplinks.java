package io.maseparation.parallel.simulate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * What passes the uplinks of nodes, as fluid: at any time flows share them max-min fairly (Bertsekas and Gallager, Data
 * Networks, 6.5.2), and none is faster than its sender's port. An uplink that is wide enough for all delays none. Each
 * node has an uplink each way of the same capacity.
 */
final class Uplinks {
    /** Bytes below this part of a flow are rounding. */
    private static final double ROUNDING = 1e-12;

    private final double capacity;
    private final Clock clock;
    private final List<Flow> active = new ArrayList<>();
    /** By link: 2 × node towards the network, 2 × node + 1 from it. */
    private final double[] used;

    private final double[] wanted;
    private double last;
    private long stamp;

    /** Says when it is that time. */
    interface Clock {
        void at(double time, DoubleConsumer what);
    }

    /** Messages of one sender that leave its node together. */
    static final class Flow {
        private final double most;
        private final int[] links;
        private final double[] parts;
        private final double[] marks;
        private final Passed passed;
        private int next;
        private double done;
        private double rate;
        private boolean settled;

        /**
         * A flow.
         *
         * @param most bytes per second that the sender's port brings
         * @param links uplinks that it uses
         * @param parts share of its bytes that each of them carries
         * @param marks bytes after which something is through, ascending; the last one is the whole flow
         * @param passed told when
         */
        Flow(double most, int[] links, double[] parts, double[] marks, Passed passed) {
            this.most = most;
            this.links = links;
            this.parts = parts;
            this.marks = marks;
            this.passed = passed;
        }

        private double end() {
            return marks[marks.length - 1];
        }
    }

    /** Called when a flow has passed one of its marks. */
    interface Passed {
        void mark(int index, double now);
    }

    /**
     * Uplinks without traffic.
     *
     * @param nodes number of nodes
     * @param capacity bytes per second of each, each way
     * @param clock told what to do later
     */
    Uplinks(int nodes, double capacity, Clock clock) {
        this.capacity = capacity;
        this.clock = clock;
        used = new double[2 * nodes];
        wanted = new double[2 * nodes];
    }

    static int out(int node) {
        return 2 * node;
    }

    static int in(int node) {
        return 2 * node + 1;
    }

    static boolean isOut(int link) {
        return link % 2 == 0;
    }

    void add(Flow flow, double now) {
        advance(now);
        active.add(flow);
        // Others may start at the same time: rates are shared once, after all of them.
        long mine = ++stamp;
        clock.at(now, then -> goOn(mine, then));
    }

    private void goOn(long planned, double now) {
        if (planned != stamp) {
            return;
        }
        advance(now);
        List<Flow> ended = new ArrayList<>();
        for (Flow flow : List.copyOf(active)) {
            // What would take less time than the clock can tell is through.
            double through = flow.done + flow.end() * ROUNDING + flow.rate * 2 * Math.ulp(now);
            while (flow.next < flow.marks.length && flow.marks[flow.next] <= through) {
                flow.passed.mark(flow.next++, now);
            }
            if (flow.next == flow.marks.length) {
                ended.add(flow);
            }
        }
        active.removeAll(ended);
        if (planned == stamp && !active.isEmpty()) {
            share();
            double soonest = Double.POSITIVE_INFINITY;
            for (Flow flow : active) {
                soonest = Math.min(soonest, (flow.marks[flow.next] - flow.done) / flow.rate);
            }
            long mine = ++stamp;
            clock.at(now + soonest, then -> goOn(mine, then));
        }
    }

    private void advance(double now) {
        for (Flow flow : active) {
            flow.done = Math.min(flow.end(), flow.done + flow.rate * (now - last));
        }
        last = now;
    }

    /** All rates grow alike until a port or an uplink is full; those who use it keep what they have. */
    private void share() {
        Arrays.fill(used, 0);
        active.forEach(flow -> flow.settled = false);
        int left = active.size();
        while (left > 0) {
            double level = level();
            List<Flow> slowest = active.stream()
                    .filter(flow -> !flow.settled && (flow.most <= level || full(flow, level)))
                    .toList();
            for (Flow flow : slowest) {
                flow.settled = true;
                flow.rate = Math.min(flow.most, level);
                for (int i = 0; i < flow.links.length; i++) {
                    used[flow.links[i]] += flow.parts[i] * flow.rate;
                }
            }
            left -= slowest.size();
        }
    }

    /**
     * The rate at which the next port or uplink is full; {@code wanted} becomes the bytes per second asked of each
     * link per unit of rate.
     */
    private double level() {
        Arrays.fill(wanted, 0);
        double level = Double.POSITIVE_INFINITY;
        for (Flow flow : active) {
            if (!flow.settled) {
                level = Math.min(level, flow.most);
                for (int i = 0; i < flow.links.length; i++) {
                    wanted[flow.links[i]] += flow.parts[i];
                }
            }
        }
        for (int link = 0; link < wanted.length; link++) {
            if (wanted[link] > 0) {
                level = Math.min(level, fair(link));
            }
        }
        return level;
    }

    private double fair(int link) {
        return Math.max(0, capacity - used[link]) / wanted[link];
    }

    private boolean full(Flow flow, double level) {
        for (int link : flow.links) {
            if (fair(link) <= level * (1 + 1e-9)) {
                return true;
            }
        }
        return false;
    }
}
