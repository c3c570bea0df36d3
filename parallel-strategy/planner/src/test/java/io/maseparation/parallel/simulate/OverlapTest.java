package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.timeline.TimelineEvent;
import io.maseparation.parallel.timeline.TimelineEvent.Stream;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a collective beside computing costs. */
class OverlapTest {
    private static final Plan TWO_MICRO_BATCHES =
            Planning.plan(Presets.config("seed"), Layout.tensorPipeline(8, 1).withMicroBatches(2));

    private static Cluster cluster(double share) {
        return Clusters.named("a100x8")
                .withKinds(k -> new DeviceKind(k.name(), k.memoryBytes(), k.roofline(), k.launches(),
                        k.pricePerHour(), k.hostBytesPerSecond(), share, k.measured()));
    }

    private static SimulationResult run(double share) {
        return new Simulation(TWO_MICRO_BATCHES, cluster(share), Scenario.decode(512, 2048)).run(true);
    }

    @Test
    void anAllReduceBehindAnotherMicroBatchIsNotFree() {
        double free = run(0).tpotMs();
        double usual = run(0.3).tpotMs();
        double half = run(0.5).tpotMs();
        assertThat(usual).isGreaterThan(free * 1.01);
        assertThat(half).isGreaterThan(usual);
    }

    /** A segment takes as much longer as the collectives beside it take of its device. */
    @Test
    void aSegmentIsLongerByTheShareOfTheCollectivesBesideIt() {
        List<TimelineEvent> slowed = run(0.3).timeline();
        List<TimelineEvent> ofRank = slowed.stream().filter(e -> e.rank() == 0).toList();
        double computing = seconds(ofRank, Stream.COMPUTE);
        double overlapped = 0;
        for (TimelineEvent collective : ofRank) {
            if (collective.stream() == Stream.TRANSFER) {
                for (TimelineEvent task : ofRank) {
                    if (task.stream() == Stream.COMPUTE) {
                        overlapped += Math.max(0, Math.min(task.endNanos(), collective.endNanos())
                                - Math.max(task.startNanos(), collective.startNanos())) / 1e9;
                    }
                }
            }
        }
        double alone = seconds(
                run(0).timeline().stream().filter(e -> e.rank() == 0).toList(), Stream.COMPUTE);
        assertThat(overlapped).isPositive();
        assertThat(computing - 0.3 * overlapped).isCloseTo(alone, within(alone * 1e-3));
    }

    private static double seconds(List<TimelineEvent> events, Stream stream) {
        return events.stream()
                .filter(e -> e.stream() == stream)
                .mapToDouble(e -> (e.endNanos() - e.startNanos()) / 1e9)
                .sum();
    }
}
