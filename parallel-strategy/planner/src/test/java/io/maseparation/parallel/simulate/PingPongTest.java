package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The published closed form of the ping-pong pipeline, and exact totals where it does not hold. */
class PingPongTest {

    /** Segments, messages and collectives of fixed times. */
    private record Fixed(double attention, double expert) implements Work {
        @Override
        public TaskCost compute(int rank, String segment, int microBatch, int step) {
            return switch (segment.replaceAll("\\d", "")) {
                case "attention" -> new TaskCost(attention, 0, 0, 0, 0, 0, 0, List.of());
                case "experts" -> new TaskCost(0, expert, 0, 0, 0, 0, 0, List.of());
                default -> TaskCost.NONE;
            };
        }

        @Override
        public void messageBytes(
                int from, int[] to, Tensor tensor, int layer, int microBatch, int step, double[] bytes) {
            // Latency is all.
        }

        @Override
        public boolean skips(int rank, Op.Collective op, int microBatch, int step) {
            return false;
        }

        @Override
        public double collectiveSeconds(Op.Collective op, List<Integer> devices, int microBatch, int step) {
            return 0;
        }

        @Override
        public double collectiveBytes(int rank, Op.Collective op, int microBatch, int step) {
            return 0;
        }
    }

    /**
     * Vectors of MegaScale-Infer's analysis (arXiv 2504.02263): T_a, T_e, T_c, micro-batches → total of four layers.
     */
    @ParameterizedTest
    @CsvSource({
        "1, 1, .25, 3, 13.5",
        "1, 2, .375, 3, 25.75",
        "2, 1, .5, 3, 26",
        "1, 1, .75, 4, 18.5",
        "1, 1, .75, 3, 16.0",
        "1, 1, .25, 2, 11.0"
    })
    void totalsAreExact(double attention, double expert, double transfer, int microBatches, double total) {
        assertThat(total(attention, expert, transfer, microBatches, 4)).isEqualTo(total, within(1e-12));
    }

    private static double total(double attention, double expert, double transfer, int microBatches, int layers) {
        Plan plan = Planning.plan(
                Presets.config("seed"), Layout.separated(1, 1).withMicroBatches(microBatches));
        Link link = new Link(transfer, Double.POSITIVE_INFINITY);
        Cluster cluster = new Cluster("two", "", List.of(),
                IntStream.range(0, 2).mapToObj(i -> new Cluster.Device(0, 0)).toList(),
                new Links(link, link, Double.POSITIVE_INFINITY), HostSharing.NONE, List.of(), List.of());
        double[] last = {0};
        Log log =
                new Engine(new Programs(plan), new Fixed(attention, expert), cluster, 1,
                        (rank, m, step, time, entry) -> last[0] = Math.max(last[0], time),
                        () -> Double.POSITIVE_INFINITY)
                        .run();
        assertThat(log.entries().size()).isGreaterThan(2 * layers * microBatches);
        return last[0];
    }
}
