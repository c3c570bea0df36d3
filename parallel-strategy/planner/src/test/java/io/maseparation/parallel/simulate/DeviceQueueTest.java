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
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Ranks of one host that queue for a device. */
class DeviceQueueTest {
    private static final double KERNEL = 100e-6;
    private static final double LAUNCH = 40e-6;
    private static final double START = 60e-6;
    private static final ModelConfig CONFIG = Presets.config("seed");
    private static final int TASKS = 53;
    private static final int SEGMENTS = 1;

    /** Kernels that take as long whatever they do. */
    private static Cluster cluster(double kernel, double launch, double start, int devices, double hostRate) {
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        for (Operation operation : Operation.values()) {
            rates.put(operation, new OperationRate(kernel, 1e30, 1e30, 0));
        }
        DeviceKind kind =
                new DeviceKind("queued", 1e12, new Roofline(1e12, 1e12, 1, 1),
                        new LaunchTimes(launch, launch, start), Double.NaN, hostRate, 0, rates);
        return new Cluster("queues", "", List.of(kind),
                IntStream.range(0, 8).mapToObj(i -> new Cluster.Device(0, 0)).toList(),
                new Links(new Link(0, 1e30), new Link(0, 1e30), Double.POSITIVE_INFINITY),
                new HostSharing(16, devices, 0, 0), List.of(), List.of());
    }

    private static SimulationResult run(Setup setup, Cluster cluster) {
        return new Simulation(Planning.plan(CONFIG, setup), cluster, Scenario.decode(24, 512)).run(true);
    }

    @Test
    void aRankAloneIsTheSumOfItsKernelsAndLaunches() {
        double ms =
                run(Layout.single().withMicroBatches(1), cluster(KERNEL, LAUNCH, START, 1, Double.POSITIVE_INFINITY))
                        .tpotMs();
        assertThat(ms).isEqualTo(1e3 * (TASKS * (KERNEL + LAUNCH) + SEGMENTS * START), within(1e-6));
    }

    @Test
    void dataBetweenHostAndDeviceTakesItsTime() {
        Setup ma = Layout.separated(1, 1).withMicroBatches(1);
        double free = run(ma, cluster(KERNEL, LAUNCH, START, 1, Double.POSITIVE_INFINITY)).tpotMs();
        double through = run(ma, cluster(KERNEL, LAUNCH, START, 1, 2e10)).tpotMs();
        // In every layer: rows and outputs of two experts out of the attention rank's buffers and into the experts',
        // and back.
        double bytes = 4.0 * (1 + 2 + 1 + 2) * 24 * CONFIG.hidden() * 4;
        assertThat(through - free).isEqualTo(bytes / 2e10 * 1e3, within(0.02 * (through - free)));
    }

    /** Launches of one rank go on beside kernels of another, kernels do not. */
    @Test
    void kernelsQueueAndLaunchesDoNot() {
        Setup halves = Layout.expertParallel(2).withMicroBatches(1);
        double kernelsAlone = run(halves, cluster(KERNEL, 0, 0, 2, Double.POSITIVE_INFINITY)).tpotMs();
        assertThat(run(halves, cluster(KERNEL, 0, 0, 1, Double.POSITIVE_INFINITY)).tpotMs())
                .isBetween(1.9 * kernelsAlone, 2.0001 * kernelsAlone);
        double launchesAlone = run(halves, cluster(0, LAUNCH, 0, 2, Double.POSITIVE_INFINITY)).tpotMs();
        assertThat(run(halves, cluster(0, LAUNCH, 0, 1, Double.POSITIVE_INFINITY)).tpotMs())
                .isEqualTo(launchesAlone, within(1e-6));
    }

    /** A rank's thread sends what a segment computed before it computes for another micro-batch. */
    @Test
    void rowsAreSentBeforeTheNextMicroBatchComputes() {
        SimulationResult result = run(
                Layout.separated(1, 1).withMicroBatches(2),
                cluster(KERNEL, LAUNCH, START, 2, Double.POSITIVE_INFINITY));
        List<TimelineEvent> attention = result.timeline().stream()
                .filter(e -> e.rank() == 0 && e.step() == 3)
                .sorted(Comparator.comparingLong(TimelineEvent::startNanos))
                .toList();
        assertThat(attention).hasSizeGreaterThan(8);
        List<TimelineEvent> computed = attention.stream()
                .filter(e -> e.name().equals("attention1") || e.name().equals("dispatch"))
                .toList();
        for (TimelineEvent e : computed) {
            if (e.name().equals("attention1")) {
                assertThat(attention).anySatisfy(next -> {
                    assertThat(next.name()).isEqualTo("dispatch");
                    assertThat(next.microBatch()).isEqualTo(e.microBatch());
                    assertThat(next.startNanos()).isEqualTo(e.endNanos());
                });
            }
        }
    }
}
