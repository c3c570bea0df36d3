package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.Profile;
import io.maseparation.parallel.cluster.RelativeErrors;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** The serving engine's own time, and what a profile's errors make of a result. */
class ProfileTest {
    private static final ModelConfig MODEL = Presets.config("seed");
    private static final RelativeErrors NONE = new RelativeErrors(0, 0, 0, 0, 0, 0, 0, 0);
    private static final List<Setup> SETUPS = List.of(
            Layout.tensorPipeline(2, 2).withMicroBatches(2),
            Layout.expertParallel(4).withMicroBatches(1),
            Layout.separated(3, 1).withMicroBatches(3));

    private static SimulationResult run(Setup setup, Cluster cluster, double engineSeconds, RelativeErrors errors) {
        return new Simulation(Planning.plan(MODEL, setup),
                cluster.with(new Profile(engineSeconds, errors, List.of())),
                Scenario.decode(48, 512).withSteps(4, 1).withPrefill(256)).run(false).withRange();
    }

    @Test
    void theEnginesTimeIsPartOfEveryStep() {
        for (Setup setup : SETUPS) {
            SimulationResult without = run(setup, Clusters.named("a100x4"), 0, NONE);
            SimulationResult with = run(setup, Clusters.named("a100x4"), 2e-3, NONE);

            assertThat(with.tpotMs()).isEqualTo(without.tpotMs() + 2, within(1e-9));
            assertThat(with.speed().tpotP90Ms()).isEqualTo(without.speed().tpotP90Ms() + 2, within(1e-9));
            assertThat(with.tps()).isEqualTo(48 / with.tpotMs() * 1e3, within(1e-9));
            assertThat(with.speed().ttftMs()).as("two or more chunks").isGreaterThan(without.speed().ttftMs() + 3.999);
            assertThat(without.speed().prefillMs()).isGreaterThan(without.speed().ttftMs());
            int chunks = (int) Math.round((with.speed().prefillMs() - without.speed().prefillMs()) / 2);
            assertThat(with.speed().prefillMs()).isEqualTo(without.speed().prefillMs() + 2 * chunks, within(1e-9));
            assertThat(chunks).as("of the micro-batch with most").isGreaterThanOrEqualTo(10);
            double share = without.tpotMs() / with.tpotMs();
            assertThat(with.criticalPath().get(Regime.ENGINE)).isEqualTo(2 / with.tpotMs(), within(1e-12));
            assertThat(with.criticalPath().values().stream().mapToDouble(s -> s).sum()).isEqualTo(1, within(1e-12));
            assertThat(with.criticalPath().get(Regime.EXPERT))
                    .isEqualTo(share * without.criticalPath().get(Regime.EXPERT), within(1e-12));
            assertThat(with.busy()).isEqualTo(share * without.busy(), within(1e-12));
            assertThat(with.use().mbu()).isEqualTo(share * without.use().mbu(), within(1e-12));
            assertThat(with.ranks().getFirst().work().bytesMoved())
                    .isEqualTo(without.ranks().getFirst().work().bytesMoved(), within(1.0));
            assertThat(with.bounds()).usingRecursiveComparison()
                    .withEqualsForType((a, b) -> Math.abs(a - b) <= 1e-9 * a, Double.class)
                    .isEqualTo(without.bounds());
        }
    }

    @Property(tries = 30)
    void rangesAreAroundTheValueAndAboveTheBound(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Cluster cluster = random.nextInt(4) == 0 ? Clusters.named("h100x4") : TestClusters.random(random, 4);
        SimulationResult result = run(SETUPS.get(random.nextInt(SETUPS.size())), cluster,
                1e-3 * random.nextInt(2), RelativeErrors.USUAL);

        assertThat(result.range().lowMs()).isLessThanOrEqualTo(result.tpotMs())
                .isGreaterThanOrEqualTo(Math.min(result.tpotMs(), result.bounds().layoutMs()));
        assertThat(result.range().highMs()).isGreaterThan(result.tpotMs())
                .as("the largest of the errors").isLessThanOrEqualTo(1.55 * result.tpotMs());
    }

    /** A run that ends early ends only what exceeds the limit. */
    @Property(tries = 60)
    void aLimitEndsOnlyWhatExceedsIt(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Cluster cluster = TestClusters.random(random, 4)
                .with(new Profile(1e-3 * random.nextInt(2), NONE, List.of()));
        Simulation simulation = new Simulation(
                Planning.plan(MODEL, SETUPS.get(random.nextInt(SETUPS.size()))), cluster,
                Scenario.decode(3 + random.nextInt(40), 256)
                        .withSteps(1 + random.nextInt(5), 1 + random.nextInt(2)));
        double tpot = simulation.tpotMs();

        assertThat(simulation.tpotMs(Double.POSITIVE_INFINITY, new SharedLoads())).isEqualTo(tpot);
        assertThat(simulation.tpotMs(tpot, new SharedLoads())).isEqualTo(tpot);
        assertThat(simulation.tpotMs(tpot * (1 + random.nextDouble()), new SharedLoads())).isEqualTo(tpot);
        assertThat(simulation.tpotMs(tpot * 0.5 * random.nextDouble(), new SharedLoads())).isInfinite();
    }

    /** Every kind of number counts where something depends on it, and only there. */
    @Test
    void everyErrorWidensTheRange() {
        Setup overNodes = Layout.separated(12, 4).withMicroBatches(2);
        Setup inNode = Layout.tensorPipeline(4, 1).withMicroBatches(1);
        Cluster tables = Clusters.named("a100x16");
        Cluster rooflines = Clusters.named("h20-l40s");

        assertThat(width(inNode, tables, NONE)).isZero();
        assertThat(width(inNode, tables, new RelativeErrors(0, 0, 0, 0.5, 0, 0, 0, 0))).isBetween(0.25, 0.85);
        assertThat(width(inNode, tables, new RelativeErrors(0, 0, 0.5, 0, 0, 0, 0, 0))).isBetween(0.001, 0.1);
        assertThat(width(inNode, tables, new RelativeErrors(0, 0, 0, 0, 0, 0, 0.5, 0))).isBetween(0.001, 0.1);
        assertThat(width(inNode, tables, new RelativeErrors(0, 0, 0, 0, 0, 0, 0, 0.5))).isBetween(0.05, 0.3);
        assertThat(width(overNodes, tables, new RelativeErrors(0, 0, 0, 0, 0.5, 0, 0, 0))).isPositive();
        assertThat(width(overNodes, tables, new RelativeErrors(0, 0, 0, 0, 0, 0.5, 0, 0))).isPositive();
        assertThat(width(inNode, rooflines, new RelativeErrors(0.5, 0, 0, 0, 0, 0, 0, 0))).isBetween(0.2, 0.85);
        assertThat(width(inNode, Clusters.named("a100x4"), new RelativeErrors(0, 0.5, 0, 0, 0.5, 0.5, 0, 0)))
                .as("nothing computes by the plain roofline or sends messages").isLessThan(0.01);
    }

    private static double width(Setup setup, Cluster cluster, RelativeErrors errors) {
        SimulationResult result = run(setup, cluster, 1e-3, errors);
        return (result.range().highMs() - result.range().lowMs()) / result.tpotMs();
    }
}
