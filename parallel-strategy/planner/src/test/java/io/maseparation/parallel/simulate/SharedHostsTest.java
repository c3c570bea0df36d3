package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.Operation;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Nodes whose devices are ranks of one host each: those of one host share it, and those of two do not. */
class SharedHostsTest {
    private static final ModelConfig CONFIG = Presets.config("seed");
    private static final double KERNEL = 100e-6;
    private static final Link LINK = new Link(50e-6, 1e9);
    /** The cores compute, or ranks queue for one GPU of each host. */
    private static final HostSharing CORES = new HostSharing(2, 0, 1, 0);
    private static final HostSharing GPUS = new HostSharing(2, 1, 0, 0);
    private static final Setup HALVES = Layout.expertParallel(2).withMicroBatches(1);

    private static Cluster cluster(HostSharing host, Link inside, Link between, int... nodes) {
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        for (Operation operation : Operation.values()) {
            rates.put(operation, new OperationRate(KERNEL, 1e30, 1e30, 0));
        }
        DeviceKind kind = new DeviceKind("rank", 1e12, new Roofline(1e12, 1e12, 1, 1),
                new LaunchTimes(0, 0, 0), Double.NaN, Double.POSITIVE_INFINITY, 0, rates);
        return new Cluster("hosts", "", List.of(kind),
                IntStream.of(nodes).mapToObj(node -> new Cluster.Device(0, node)).toList(),
                new Links(inside, between, Double.POSITIVE_INFINITY), host, List.of(), List.of());
    }

    private static SimulationResult run(Setup setup, Cluster cluster) {
        return new Simulation(Planning.plan(CONFIG, setup), cluster, Scenario.decode(24, 512)).run(false);
    }

    private static double tpotMs(Setup setup, Cluster cluster) {
        return run(setup, cluster).tpotMs();
    }

    static Stream<HostSharing> hosts() {
        return Stream.of(CORES, GPUS);
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void ranksOfTwoHostsDoNotSlowEachOtherDown(HostSharing host) {
        Link none = new Link(0, 1e30);
        SimulationResult apart = run(HALVES, cluster(host, none, none, 0, 1));
        SimulationResult together = run(HALVES, cluster(host, none, none, 0, 0));

        assertThat(apart.tpotMs())
                .isEqualTo(tpotMs(HALVES, cluster(HostSharing.NONE, none, none, 0, 1)), within(1e-6));
        assertThat(together.tpotMs()).isBetween(1.8 * apart.tpotMs(), 2.0001 * apart.tpotMs());
        assertThat(apart.bounds().clusterMs()).isEqualTo(together.bounds().clusterMs() / 2, within(1e-9));
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void whatGoesToAnotherHostTakesTheLinkBetweenThem(HostSharing host) {
        Setup ma = Layout.separated(1, 1).withMicroBatches(1);
        Link late = new Link(LINK.latencySeconds() + 1e-3, LINK.bytesPerSecond());
        Link slow = new Link(LINK.latencySeconds(), LINK.bytesPerSecond() / 100);
        double usual = tpotMs(ma, cluster(host, LINK, LINK, 0, 1));

        // There and back in every layer.
        assertThat(tpotMs(ma, cluster(host, LINK, late, 0, 1)))
                .isEqualTo(usual + 2 * CONFIG.layers().size(), within(1e-6));
        assertThat(tpotMs(ma, cluster(host, LINK, slow, 0, 1))).isGreaterThan(2 * usual);
        assertThat(tpotMs(ma, cluster(host, late, LINK, 0, 1))).isEqualTo(usual, within(1e-6));
        assertThat(tpotMs(ma, cluster(host, LINK, late, 0, 0)))
                .isEqualTo(tpotMs(ma, cluster(host, LINK, LINK, 0, 0)), within(1e-6));
    }

    /** An attention rank with one of its expert ranks beside it, and the other one elsewhere. */
    @ParameterizedTest
    @MethodSource("hosts")
    void messagesThatLeaveTogetherTakeTheirOwnWays(HostSharing host) {
        Setup ma = Layout.separated(1, 2).withMicroBatches(1);
        Link late = new Link(LINK.latencySeconds() + 10e-3, LINK.bytesPerSecond());
        double usual = tpotMs(ma, cluster(host, LINK, LINK, 0, 0, 1));

        assertThat(tpotMs(ma, cluster(host, LINK, late, 0, 0, 1))).isGreaterThan(usual + 10);
        assertThat(tpotMs(ma, cluster(host, late, LINK, 0, 0, 1))).isGreaterThan(usual + 10);
    }

    @Test
    void ranksOfOneHostTakeTheLinkInside() {
        Setup ma = Layout.separated(1, 1).withMicroBatches(1);
        Link late = new Link(LINK.latencySeconds() + 1e-3, LINK.bytesPerSecond());

        assertThat(tpotMs(ma, cluster(CORES, late, LINK, 0, 0)))
                .isEqualTo(tpotMs(ma, cluster(CORES, LINK, LINK, 0, 0)) + 2 * CONFIG.layers().size(), within(1e-6));
    }
}
