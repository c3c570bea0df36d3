package io.maseparation.parallel.studies.paper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Simulation;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BoundsTest {
    private static final Cluster A100 = Clusters.named("a100x16");
    private static final double LAST_DIGIT = 0.005;
    /** Experts visited in the steps of a simulation differ from their mean. */
    private static final double DRAW = 0.97;

    @ParameterizedTest
    @CsvSource({
        "false, 1, 0.53, 1.96, 1.83, 1.66",
        "true,  1, 0.74, 2.79, 2.64, 2.49",
        "false, 2, 0.62, 2.40, 2.22, 2.02",
        "true,  2, 0.87, 3.41, 3.23, 3.03"
    })
    void boundsOfThePapersModel(
            boolean gated, int topK, double anyLayout, double threeToOne, double headsSplit, double reads) {
        Bounds bounds = Bounds.of(Models.paper(gated, topK), A100);

        assertThat(bounds.anyLayoutMs(24, 2048, 16)).isCloseTo(anyLayout, within(LAST_DIGIT));
        assertThat(bounds.separatedMs(12, 4, 1, 24, 2048)).isCloseTo(threeToOne, within(LAST_DIGIT));
        assertThat(bounds.separatedMs(12, 4, 4, 24, 2048)).isCloseTo(headsSplit, within(LAST_DIGIT));
        assertThat(bounds.expertReadsMs(4, 24)).isCloseTo(reads, within(LAST_DIGIT));
    }

    @Property(tries = 200)
    void separationNeverBeatsTheBoundOfAnyLayoutAndMoreDevicesNeverHurt(
            @ForAll @IntRange(min = 1, max = 15) int attention,
            @ForAll @IntRange(min = 1, max = 15) int experts,
            @ForAll @IntRange(min = 1, max = 300) int batch,
            @ForAll @IntRange(min = 1, max = 100_000) int context) {
        Bounds bounds = Bounds.of(Assumptions.USUAL.config(), A100);
        double bound = bounds.separatedMs(attention, experts, 1, batch, context);

        assertThat(bound).isGreaterThanOrEqualTo(bounds.anyLayoutMs(batch, context, attention + experts) * 0.999_999);
        assertThat(bounds.separatedMs(attention + 1, experts, 1, batch, context)).isLessThanOrEqualTo(bound);
        assertThat(bounds.separatedMs(attention, experts + 1, 1, batch, context)).isLessThanOrEqualTo(bound);
        assertThat(bounds.separatedMs(attention, experts, 1, batch + 1, context)).isGreaterThanOrEqualTo(bound);
        assertThat(bounds.separatedMs(attention, experts, 1, batch, context + 1)).isGreaterThanOrEqualTo(bound);
    }

    @Property(tries = 60)
    void noSimulationOfThreeToOneIsUnderItsBound(
            @ForAll @IntRange(min = 0, max = 11) int assumed,
            @ForAll @IntRange(min = 1, max = 4) int microBatches,
            @ForAll @IntRange(min = 24, max = 60) int batch,
            @ForAll @IntRange(min = 64, max = 4096) int context,
            @ForAll long seed) {
        List<Assumptions> all = Assumptions.all();
        Assumptions assumptions = all.get(assumed);
        ModelConfig config = assumptions.config();
        Plan plan = Planning.plan(
                config, Layout.separated(12, 4).withMicroBatches(microBatches));

        double tpot = new Simulation(plan, A100, assumptions.scenario(batch, context, RoutingModel.uniform(), seed))
                .run(false).tpotMs();

        double bound = Bounds.of(config, A100).separatedMs(12, 4, 1, batch, context);
        assertThat(tpot).isGreaterThan(bound * DRAW);
    }

    @ParameterizedTest
    @CsvSource({"false, 1, 1.96", "false, 2, 2.40", "true, 1, 2.79", "true, 2, 3.41"})
    void noSimulationOfThePapersBatchIsUnderTheBound(boolean gated, int topK, double bound) {
        for (Assumptions assumptions : Assumptions.all()) {
            if (assumptions.gated() == gated && assumptions.topK() == topK) {
                for (int m = 1; m <= 4; m++) {
                    Plan plan = Planning.plan(
                            assumptions.config(), Layout.separated(12, 4).withMicroBatches(m));
                    assertThat(new Simulation(plan, A100, assumptions.scenario(24, 2048, RoutingModel.uniform(), 0))
                            .run(false).tpotMs())
                            .isGreaterThan(bound);
                }
            }
        }
    }

    @Property(tries = 100)
    void poolsAreEquallyBusyOnTheBalanceLine(
            @ForAll @IntRange(min = 1, max = 12) int attention,
            @ForAll @IntRange(min = 1, max = 8) int experts,
            @ForAll @IntRange(min = 256, max = 65_536) int context) {
        ModelConfig config = Assumptions.USUAL.config();
        Bounds bounds = Bounds.of(config, A100);
        double rows = new BalanceLine(bounds, attention, experts).rows(context);

        double layers = config.layers().size();
        double expertMs = bounds.visitedExperts(0, rows) * bounds.expertReadsMs(experts, 1)
                / layers / bounds.visitedExperts(0, 1);
        double weightsMs = bounds.attentionOfLayerMs(0, context);
        double oneMs = bounds.attentionOfLayerMs(1, context) - weightsMs;
        double attentionMs = weightsMs + rows / attention * oneMs;
        assertThat(rows > 1.001 ? attentionMs : expertMs).isCloseTo(expertMs, within(1e-6 * expertMs));
    }
}
