package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
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

    private static double[][] arrivals(Cluster cluster, List<Sending> sendings) {
        Ports ports = new Ports(cluster);
        double[][] arrivals = new double[sendings.size()][];
        for (int i = 0; i < arrivals.length; i++) {
            Sending s = sendings.get(i);
            arrivals[i] = new double[s.to().length];
            double end = ports.send(s.from(), s.to(), s.bytes(), s.start(), arrivals[i]);
            assertThat(end).isGreaterThanOrEqualTo(s.start() + ports.seconds(s.from(), s.to(), s.bytes()) - 1e-15);
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

    @Property(tries = 200)
    void theClosedFormOfAnExchangeHolds(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int senders = 1 + random.nextInt(9);
        int receivers = 1 + random.nextInt(9);
        boolean oneNode = random.nextBoolean();
        Links links = links(random, Double.POSITIVE_INFINITY);
        Cluster cluster = cluster(senders + receivers, oneNode ? senders + receivers : senders, links);
        if (!oneNode && receivers > senders) {
            return;
        }
        Link link = oneNode ? links.intraNode() : links.interNode();
        double[] out = new double[senders];
        double[] in = new double[receivers];
        List<Sending> sendings = new ArrayList<>();
        for (int s = 0; s < senders; s++) {
            double[] bytes = new double[receivers];
            for (int r = 0; r < receivers; r++) {
                bytes[r] = random.nextInt(1 << 20);
                out[s] += bytes[r];
                in[r] += bytes[r];
            }
            int[] to = IntStream.range(senders, senders + receivers).toArray();
            sendings.add(new Sending(s, to, bytes, 0.5));
        }
        double most = Math.max(Arrays.stream(out).max().orElseThrow(), Arrays.stream(in).max().orElseThrow());
        double last = Arrays.stream(arrivals(cluster, sendings))
                .flatMapToDouble(Arrays::stream)
                .max()
                .orElseThrow();
        assertThat(last - 0.5)
                .isCloseTo(link.latencySeconds() + most / link.bytesPerSecond(), within(ROUNDING));
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

    @Property(tries = 200)
    void wideningAFreeUplinkChangesNothing(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int devices = 2 + random.nextInt(10);
        int perNode = 1 + random.nextInt(4);
        Links none = links(random, Double.POSITIVE_INFINITY);
        List<Sending> sendings = sendings(random, devices);
        double[][] expected = arrivals(cluster(devices, perNode, none), sendings);
        for (double times : new double[] {1, 2, 64}) {
            double uplink = times * perNode * none.interNode().bytesPerSecond();
            Links wide = new Links(none.intraNode(), none.interNode(), uplink);
            assertThat(arrivals(cluster(devices, perNode, wide), sendings)).isDeepEqualTo(expected);
        }
    }

    /** As many flows as an uplink has room for pass it as if it were not there, whatever their sizes and starts. */
    @Property(tries = 200)
    void anUplinkWithRoomForAllSendersDelaysNone(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int senders = 1 + random.nextInt(6);
        Uplink uplink = new Uplink(senders * 10.0);
        double[] busyUntil = new double[senders];
        double now = 0;
        for (int i = 0; i < 50; i++) {
            now += random.nextDouble();
            int sender = random.nextInt(senders);
            if (busyUntil[sender] <= now) {
                double bytes = 1 + random.nextInt(100);
                busyUntil[sender] = now + bytes / 10;
                assertThat(uplink.carry(now, now, bytes, 10).end()).isCloseTo(busyUntil[sender], within(1e-9));
            }
        }
    }

    /** It carries no more than it can, and stands idle only where flows cannot bring more. */
    @Property(tries = 200)
    void anUplinkIsFullWhileFlowsWait(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double capacity = 5 + random.nextInt(20);
        Uplink uplink = new Uplink(capacity);
        double sum = 0;
        double last = 0;
        int flows = 1 + random.nextInt(12);
        for (int i = 0; i < flows; i++) {
            double bytes = 1 + random.nextInt(100);
            double end = uplink.carry(0, 0, bytes, 10).end();
            assertThat(end).isGreaterThanOrEqualTo(bytes / Math.min(capacity, 10) * (1 - ROUNDING));
            sum += bytes;
            last = Math.max(last, end);
        }
        assertThat(last).isGreaterThanOrEqualTo(sum / capacity * (1 - ROUNDING));
        // Only the last flow can have been alone, with less than the whole link.
        assertThat(last).isLessThanOrEqualTo(sum / capacity + 100.0 / Math.min(capacity, 10));
    }

    @Test
    void devicesOfANodeShareAnUplinkThatIsTooNarrow() {
        Links links = new Links(new Link(0, 1e12), new Link(1e-6, 10e9), 20e9);
        List<Sending> sendings = IntStream.range(0, 4)
                .mapToObj(s -> new Sending(s, new int[] {4 + s}, new double[] {1e6}, 0))
                .toList();
        double[][] arrivals = arrivals(cluster(8, 4, links), sendings);
        // Two at a time at their own rate: 100 µs, and then the other two.
        assertThat(arrivals[0][0]).isCloseTo(101e-6, within(ROUNDING));
        assertThat(arrivals[1][0]).isCloseTo(101e-6, within(ROUNDING));
        assertThat(arrivals[2][0]).isCloseTo(201e-6, within(ROUNDING));
        assertThat(arrivals[3][0]).isCloseTo(201e-6, within(ROUNDING));
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
            int of = rank;
            assertThat(result.timeline().stream()
                    .filter(e -> e.rank() == of && e.name().equals("dispatch"))
                    .mapToLong(e -> e.endNanos() - e.startNanos()))
                    .isNotEmpty()
                    .allSatisfy(nanos -> assertThat(nanos / 1e9).isCloseTo(port, withinPercentage(2)));
        }
    }
}
