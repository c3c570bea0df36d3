package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.CollectiveTable;
import io.maseparation.parallel.cluster.CollectiveTable.Operation;
import io.maseparation.parallel.cluster.CollectiveTable.Point;
import io.maseparation.parallel.cluster.Collectives;
import io.maseparation.parallel.cluster.Link;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CollectiveTimesTest {
    private static List<Integer> first(int devices) {
        return IntStream.range(0, devices).boxed().toList();
    }

    private static double allReduceMicros(String cluster, Collectives implementation, int devices, double bytes) {
        return new CollectiveTimes(Clusters.named(cluster), implementation).allReduceSeconds(first(devices), bytes)
                * 1e6;
    }

    /** AIConfigurator's measurements. */
    @ParameterizedTest
    @CsvSource({
        "a100x8, NCCL, 8, 8192, 21.27",
        "a100x8, CUSTOM, 2, 2097152, 15.18",
        "h100x8, CUSTOM, 8, 65536, 6.41",
        "h100x8, NCCL, 4, 65536, 11.27",
        "h200x8, CUSTOM, 8, 65536, 6.56",
        "h200x8, CUSTOM, 4, 1073741824, 4524",
        "h200x8, NCCL, 2, 67108864, 248.32"
    })
    void measuredTimesComeOut(
            String cluster, Collectives implementation, int devices, double bytes, double microseconds) {
        assertThat(allReduceMicros(cluster, implementation, devices, bytes)).isCloseTo(microseconds, within(0.05));
    }

    @Test
    void aGroupBetweenTwoMeasuredOnesIsBetweenTheirTimes() {
        for (double bytes = 1 << 12; bytes < 1 << 26; bytes *= 3) {
            double four = allReduceMicros("h100x8", Collectives.NCCL, 4, bytes);
            double six = allReduceMicros("h100x8", Collectives.NCCL, 6, bytes);
            double eight = allReduceMicros("h100x8", Collectives.NCCL, 8, bytes);
            assertThat(six).isBetween(Math.min(four, eight), Math.max(four, eight));
        }
    }

    /** Each point predicted from the others of its table: within 10 % in the geometric mean. */
    @ParameterizedTest
    @ValueSource(strings = {"a100x8", "h100x8", "h200x8"})
    void aPointLeftOutIsPredictedByTheOthers(String cluster) {
        List<CollectiveTable> tables = Clusters.named(cluster).collectives();
        assertThat(tables).hasSizeGreaterThanOrEqualTo(9);
        for (CollectiveTable table : tables) {
            double sum = 0;
            for (int i = 1; i < table.points().size() - 1; i++) {
                List<Point> others = new ArrayList<>(table.points());
                Point left = others.remove(i);
                double predicted = new CollectiveTable(
                        table.operation(), table.implementation(), table.devices(), others)
                        .seconds(left.bytes());
                sum += Math.abs(Math.log(predicted / left.seconds()));
            }
            assertThat(Math.exp(sum / (table.points().size() - 2)))
                    .as("%s %s %s %d", cluster, table.operation(), table.implementation(), table.devices())
                    .isLessThan(1.1);
        }
    }

    @Test
    void whatATableLacksFallsBackAndSaysSo() {
        Cluster h200 = Clusters.named("h200x8");
        CollectiveTimes custom = new CollectiveTimes(h200, Collectives.CUSTOM);
        assertThat(custom.source(Operation.ALL_REDUCE)).isEqualTo("custom, measured for 2, 4, 8 devices");
        assertThat(custom.source(Operation.ALL_TO_ALL)).isEqualTo("nccl, measured for 2, 4, 8 devices");
        assertThat(custom.allToAllSeconds(first(8), 1 << 20, 0))
                .isEqualTo(new CollectiveTimes(h200, Collectives.NCCL).allToAllSeconds(first(8), 1 << 20, 0));

        Cluster bare = h200.withLinks(Links.everywhere(new Link(1e-5, 1e11)), List.of());
        CollectiveTimes none = new CollectiveTimes(bare, Collectives.CUSTOM);
        assertThat(none.source(Operation.ALL_REDUCE))
                .isEqualTo("latency and bandwidth of the link: the cluster has no measured times");
        assertThat(none.allReduceSeconds(first(4), 1e6)).isCloseTo(2e-5 + 1.5e6 / 1e11, within(1e-12));
        assertThat(none.allToAllSeconds(first(4), 1e6, 0)).isCloseTo(1e-5 + 1e6 / 1e11, within(1e-12));
    }

    @Test
    void onlyMeasuredForEightAGroupOfFourTakesWhatSendsAsMuch() {
        CollectiveTable eight = new CollectiveTable(
                Operation.ALL_REDUCE, "nccl", 8, List.of(new Point(1e3, 1e-5), new Point(1e6, 1e-4)));
        Cluster cluster = Clusters.named("h200x8")
                .withLinks(Links.everywhere(new Link(1e-5, 1e11)), List.of(eight));
        double seconds = new CollectiveTimes(cluster, Collectives.NCCL).allReduceSeconds(first(4), 1e5);
        assertThat(seconds).isCloseTo(eight.seconds(1e5 * (3 / 4.0) / (7 / 8.0)), withinPercentage(1e-6));
    }

    /** With latencies of the link in place of measured ones expert parallelism came first. */
    @Test
    void smallBatchesOfMixtralOnEightH200GoToTensorParallelism() {
        ModelConfig mixtral = Presets.config("mixtral-8x7b");
        Cluster h200 = Clusters.named("h200x8");
        Scenario scenario = Scenario.decode(8, 2048);
        double tp = new Simulation(Planning.plan(mixtral, Layout.tensorPipeline(8, 1)), h200, scenario)
                .run(false)
                .tpotMs();
        double ep = new Simulation(Planning.plan(mixtral, Layout.expertParallel(8)), h200, scenario)
                .run(false)
                .tpotMs();
        assertThat(tp).isLessThan(ep);
    }
}
