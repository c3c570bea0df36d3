package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Messages beside each other: who waits for whom, and for how long. */
class PortsTest {
    private static final double ROUNDING = 1e-9;

    /** Messages that leave a device together. */
    private record Sending(int from, int[] to, double[] bytes, double start) {}

    private static Cluster cluster(int devices, int perNode, Links links) {
        return new Cluster("test", "", List.of(),
                IntStream.range(0, devices)
                        .mapToObj(i -> new Cluster.Device(0, i / perNode))
                        .toList(),
                links, HostSharing.NONE, List.of(), List.of());
    }

    private static Links links(SplittableRandom random, double uplink) {
        return new Links(
                new Link(random.nextDouble() * 1e-5, 1e9 * (1 + random.nextInt(400))),
                new Link(random.nextDouble() * 1e-5, 1e9 * (1 + random.nextInt(50))),
                uplink);
    }

    /** Something to do at a time. */
    private record Event(double time, long sequence, DoubleConsumer what) {}

    /** Runs sendings on a clock of their own; when each message arrives. */
    private static double[][] arrivals(Cluster cluster, List<Sending> sendings) {
        PriorityQueue<Event> events = new PriorityQueue<>(
                Comparator.comparingDouble(Event::time).thenComparingLong(Event::sequence));
        long[] sequence = {0};
        Ports ports = new Ports(cluster, (time, what) -> events.add(new Event(time, sequence[0]++, what)));
        double[][] arrivals = new double[sendings.size()][];
        double[] left = new double[sendings.size()];
        for (int n = 0; n < arrivals.length; n++) {
            int number = n;
            Sending s = sendings.get(n);
            arrivals[n] = new double[s.to().length];
            Arrays.fill(arrivals[n], Double.NaN);
            left[n] = Double.NaN;
            events.add(new Event(s.start(), sequence[0]++, now -> ports.send(
                    s.from(), s.to(), s.bytes(), now, new Ports.Delivery() {
                        @Override
                        public void arrives(int message, double time) {
                            assertThat(arrivals[number][message]).isNaN();
                            arrivals[number][message] = time;
                        }

                        @Override
                        public void left(double time) {
                            assertThat(left[number]).isNaN();
                            left[number] = time;
                        }
                    })));
        }
        while (!events.isEmpty()) {
            Event event = events.poll();
            event.what().accept(event.time());
        }
        for (int n = 0; n < arrivals.length; n++) {
            assertThat(left[n]).isGreaterThanOrEqualTo(sendings.get(n).start());
            assertThat(arrivals[n]).doesNotContain(Double.NaN);
        }
        return arrivals;
    }

    private static List<Sending> sendings(SplittableRandom random, int devices) {
        List<Sending> sendings = new ArrayList<>();
        double time = 0;
        for (int i = 0; i < 20; i++) {
            time += random.nextInt(3) * 1e-5 * random.nextDouble();
            int[] to = IntStream.range(0, devices).filter(d -> random.nextBoolean()).toArray();
            double[] bytes = Arrays.stream(to)
                    .mapToDouble(d -> random.nextInt(4) == 0 ? 0 : random.nextInt(1 << random.nextInt(20)))
                    .toArray();
            sendings.add(new Sending(random.nextInt(devices), to, bytes, time));
        }
        return sendings;
    }

    /** M senders to N receivers, any bytes: a latency, and the longest time of a port. */
    @Property(tries = 200)
    void theClosedFormOfAnExchangeHolds(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int senders = 1 + random.nextInt(9);
        int receivers = 1 + random.nextInt(9);
        boolean oneNode = random.nextBoolean();
        Links links = links(random, Double.POSITIVE_INFINITY);
        Link link = oneNode ? links.intraNode() : links.interNode();
        double[][] bytes = new double[senders][receivers];
        for (double[] row : bytes) {
            Arrays.setAll(row, r -> random.nextInt(1 << 20));
        }
        double last = lastArrival(pools(senders, receivers, oneNode, links), bytes);
        assertThat(last).isCloseTo(link.latencySeconds() + ports(bytes) / link.bytesPerSecond(), within(ROUNDING));
    }

    /** Equal senders of a node share its uplink, whether or not it is a whole number of ports wide. */
    @Property(tries = 200)
    void theClosedFormHoldsThroughAnUplink(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int senders = 1 + random.nextInt(9);
        int receivers = 1 + random.nextInt(9);
        Link link = new Link(1e-6, 10e9);
        double uplink = link.bytesPerSecond() * (0.1 + 10 * random.nextDouble());
        double[] row = new double[receivers];
        Arrays.setAll(row, r -> 1 + random.nextInt(1 << 20));
        double[][] bytes = new double[senders][];
        Arrays.fill(bytes, row);
        double total = senders * Arrays.stream(row).sum();
        double expected = Math.max(ports(bytes) / link.bytesPerSecond(), total / uplink);
        double last = lastArrival(pools(senders, receivers, false, new Links(link, link, uplink)), bytes);
        assertThat(last).isCloseTo(link.latencySeconds() + expected, withinPercentage(1e-4));
    }

    /** Bytes of the busiest port. */
    private static double ports(double[][] bytes) {
        double most = 0;
        double[] in = new double[bytes[0].length];
        for (double[] row : bytes) {
            most = Math.max(most, Arrays.stream(row).sum());
            Arrays.setAll(in, r -> in[r] + row[r]);
        }
        return Math.max(most, Arrays.stream(in).max().orElseThrow());
    }

    /** Senders, then receivers, in one node or a node each. */
    private static Cluster pools(int senders, int receivers, boolean oneNode, Links links) {
        return new Cluster("test", "", List.of(),
                IntStream.range(0, senders + receivers)
                        .mapToObj(i -> new Cluster.Device(0, oneNode || i < senders ? 0 : 1))
                        .toList(),
                links, HostSharing.NONE, List.of(), List.of());
    }

    private static double lastArrival(Cluster cluster, double[][] bytes) {
        int[] to = IntStream.range(bytes.length, bytes.length + bytes[0].length).toArray();
        List<Sending> sendings = IntStream.range(0, bytes.length)
                .mapToObj(s -> new Sending(s, to, bytes[s], 0))
                .toList();
        return Arrays.stream(arrivals(cluster, sendings)).flatMapToDouble(Arrays::stream).max().orElseThrow();
    }

    @Property(tries = 200)
    void anIdleSenderChangesNothing(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int devices = 2 + random.nextInt(10);
        double uplink = random.nextBoolean() ? Double.POSITIVE_INFINITY : 1e9 * (1 + random.nextInt(100));
        Cluster cluster = cluster(devices, 1 + random.nextInt(4), links(random, uplink));
        List<Sending> sendings = sendings(random, devices);
        List<Sending> withIdle = new ArrayList<>();
        for (Sending s : sendings) {
            int[] everyone = IntStream.range(0, devices).toArray();
            withIdle.add(new Sending(random.nextInt(devices), everyone, new double[devices], s.start()));
            withIdle.add(s);
        }
        double[][] expected = arrivals(cluster, sendings);
        double[][] actual = arrivals(cluster, withIdle);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[2 * i + 1]).containsExactly(expected[i], within(ROUNDING * 1e-3));
        }
    }

    /** An uplink with room for all who send at the same time is as good as none, however many ports its node has. */
    @Property(tries = 200)
    void wideningAFreeUplinkChangesNothing(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int perNode = 2 + random.nextInt(6);
        int busy = 1 + random.nextInt(perNode - 1);
        Links none = links(random, Double.POSITIVE_INFINITY);
        List<Sending> sendings = sendings(random, 3 * perNode).stream()
                .filter(s -> s.from() < busy)
                .toList();
        // One sending of a device at a time, as in a run.
        double[] free = new double[busy];
        List<Sending> apart = new ArrayList<>();
        for (Sending s : sendings) {
            double start = Math.max(s.start(), free[s.from()]);
            free[s.from()] = start + Arrays.stream(s.bytes()).sum() / 1e9;
            apart.add(new Sending(s.from(), s.to(), s.bytes(), start));
        }
        double[][] expected = arrivals(cluster(3 * perNode, perNode, none), apart);
        for (double times : new double[] {1, 1.5, 64}) {
            Links wide = new Links(none.intraNode(), none.interNode(),
                    times * busy * none.interNode().bytesPerSecond());
            double[][] actual = arrivals(cluster(3 * perNode, perNode, wide), apart);
            for (int i = 0; i < expected.length; i++) {
                assertThat(actual[i]).containsExactly(expected[i], within(ROUNDING));
            }
        }
    }

    @Test
    void sendersOfANodeShareAnUplinkThatIsTooNarrow() {
        Links links = new Links(new Link(0, 1e12), new Link(1e-6, 10e9), 20e9);
        List<Sending> sendings = IntStream.range(0, 3)
                .mapToObj(s -> new Sending(s, new int[] {4 + s}, new double[] {1e6}, 0))
                .toList();
        // 3 MB at 20 GB/s.
        for (double[] arrival : arrivals(cluster(8, 4, links), sendings)) {
            assertThat(arrival[0]).isCloseTo(151e-6, within(ROUNDING));
        }
    }

    @Test
    void aSmallMessageDoesNotWaitForTheLargeOneBeforeIt() {
        Links links = new Links(new Link(0, 1e12), new Link(0, 10e9), 15e9);
        List<Sending> sendings = List.of(
                new Sending(0, new int[] {4}, new double[] {1e9}, 0),
                new Sending(1, new int[] {5}, new double[] {1e6}, 0.01),
                new Sending(2, new int[] {6}, new double[] {0}, 0.01));
        double[][] arrivals = arrivals(cluster(8, 4, links), sendings);
        // Half of 15 GB/s, and then the rest of it for the large one: its port's 10.
        assertThat(arrivals[1][0]).isCloseTo(0.01 + 1e6 / 7.5e9, within(ROUNDING));
        assertThat(arrivals[2][0]).isEqualTo(0.01);
        assertThat(arrivals[0][0]).isCloseTo(0.1 + 2.5e9 * (1e6 / 7.5e9) / 10e9, within(ROUNDING));
    }

    @Test
    void theSmallerMessageOfTwoLeavesFirst() {
        Links links = Links.everywhere(new Link(0, 1e9));
        List<Sending> one = List.of(new Sending(0, new int[] {1, 2, 0}, new double[] {1e6, 3e6, 5e6}, 1));
        assertThat(arrivals(cluster(3, 3, links), one)[0])
                .containsExactly(new double[] {1.002, 1.004, 1}, within(ROUNDING));
    }

    /** Pools of eight on nodes of their own: all attention ranks dispatch at once, each through a port of its own. */
    @ParameterizedTest
    @ValueSource(ints = {64, 512})
    void ranksOfOneNodeDispatchAlike(int batch) {
        ModelConfig config = Presets.config("seed").withTopK(1);
        Cluster base = TestClusters.ideal(16);
        Cluster cluster = base.withLinks(Links.everywhere(new Link(0, 25e9)), List.of());
        Plan plan = Planning.plan(config, Layout.separated(8, 8));
        SimulationResult result = new Simulation(plan, cluster, Scenario.decode(batch, 1024)).run(true);
        double port = batch / 8 * config.hidden() * 2 / 25e9;
        for (int rank = 0; rank < 8; rank++) {
            assertThat(seconds(result, rank, "dispatch"))
                    .isNotEmpty()
                    .allSatisfy(seconds -> assertThat(seconds).isCloseTo(port, withinPercentage(2)));
        }
    }

    /**
     * Every row goes to all ranks of the experts, which are in another node: it crosses once, and is forwarded to the
     * others there. Nothing else takes time.
     */
    @Property(tries = 40)
    void theClosedFormHoldsWhereRowsCrossOnce(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int topK = 16;
        ModelConfig config = Presets.config("seed").withTopK(topK);
        int attention = 1 + random.nextInt(6);
        int experts = 1 << random.nextInt(3);
        int ofRank = experts * (1 + random.nextInt(20));
        boolean sums = random.nextBoolean();
        Links links = links(random, Double.POSITIVE_INFINITY);
        DeviceKind instant = TestClusters.kind("instant", 80e12, new Roofline(1e30, 1e30, 1, 1),
                new LaunchTimes(0, 0, 0));
        Cluster cluster = new Cluster("test", "", List.of(instant),
                IntStream.range(0, attention + experts)
                        .mapToObj(i -> new Cluster.Device(0, i < attention ? 0 : 1))
                        .toList(),
                links, HostSharing.NONE, List.of(), List.of());
        Layout layout = Layout.separated(attention, experts)
                .withCombine(sums ? CombineMode.SUMS : CombineMode.EXPERTS)
                .withDispatch(Dispatch.byNode(attention + experts, cluster::nodeOf));
        SimulationResult result = new Simulation(
                Planning.plan(config, layout), cluster, Scenario.decode(ofRank * attention, 16)).run(false);

        double row = 2.0 * config.hidden();
        double sent = row + 4 * ((sums ? 2 : 1) * topK + 1);
        double all = ofRank * attention;
        double entering = all / experts;
        Link inside = links.intraNode();
        Link outside = links.interNode();
        double there = outside.latencySeconds() + Math.max(ofRank, entering) * sent / outside.bytesPerSecond();
        double spread = experts == 1
                ? 0
                : inside.latencySeconds() + (experts - 1) * entering * sent / inside.bytesPerSecond();
        double gathered = experts == 1 || !sums
                ? 0
                : inside.latencySeconds() + (experts - 1) * entering * row / inside.bytesPerSecond();
        double back = outside.latencySeconds()
                + (sums ? 1 : topK) * Math.max(ofRank, entering) * (row + 4) / outside.bytesPerSecond();
        assertThat(result.tpotMs() / 1e3).isCloseTo(
                config.layers().size() * (there + spread + gathered + back), withinPercentage(0.01));
    }

    private static List<Double> seconds(SimulationResult result, int rank, String name) {
        return result.timeline().stream()
                .filter(e -> e.rank() == rank && e.name().equals(name))
                .map(e -> (e.endNanos() - e.startNanos()) / 1e9)
                .toList();
    }
}
