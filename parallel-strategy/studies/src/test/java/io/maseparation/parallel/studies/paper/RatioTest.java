package io.maseparation.parallel.studies.paper;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.simulate.RoutingModel;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which ratio of attention and expert GPUs is best depends on the batch. */
class RatioTest {
    private static final Cluster A100 = Clusters.named("a100x16");

    private static List<Point> everyRatio(int batch) {
        ModelConfig config = Assumptions.USUAL.config();
        return new Sweep(1, () -> {}).simulate(config, Family.everyRatio(16, 3), A100, Assumptions.USUAL.scenario(
                batch, 2048, RoutingModel.uniform().remembering(batch), 0).withSteps(6, 2));
    }

    @Test
    void expertsWantMostGpusOfASmallBatch() {
        assertThat(Point.fastest(everyRatio(24)).orElseThrow().separated().attentionDevices()).isLessThanOrEqualTo(8);
    }

    @ParameterizedTest
    @ValueSource(ints = {640, 1024})
    void threeToOneIsBestWhereThePoolsAreBalanced(int batch) {
        List<Point> points = everyRatio(batch);
        double best = Point.fastest(points).orElseThrow().tpotMs();

        assertThat(points.stream()
                .filter(p -> Paper.isThreeToOne(p) && p.setup().batching().microBatches() == 2)
                .mapToDouble(Point::tpotMs))
                .hasSize(1)
                .allMatch(tpot -> tpot <= 1.02 * best);
    }
}
