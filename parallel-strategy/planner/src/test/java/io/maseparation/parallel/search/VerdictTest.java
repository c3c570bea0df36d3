package io.maseparation.parallel.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.search.Verdict.Answer;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.SimulationResult;
import io.maseparation.parallel.simulate.SimulationResult.Regime;
import io.maseparation.parallel.simulate.TestClusters;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import org.junit.jupiter.api.Test;

/** What is concluded from results, whatever they are. */
class VerdictTest {
    private static final ModelConfig SEED = Presets.config("seed");
    private static final Cluster CLUSTER = Clusters.named("a100x4");
    private static final Setup SEPARATED = Layout.separated(3, 1).withMicroBatches(1);
    private static final Setup TENSOR = Layout.tensorPipeline(4, 1).withMicroBatches(1);

    private static Evaluation evaluation(Setup setup, double tpotMs, Regime regime, double busy) {
        PlacedLayout layout = new PlacedLayout(setup, List.of(0, 1, 2, 3));
        Plan plan = layout.plan(SEED);
        List<SimulationResult.Rank> ranks = IntStream.range(0, 4)
                .mapToObj(r -> new SimulationResult.Rank(
                        r, plan.ranks().get(r).role(), r, busy, 0,
                        RankMemory.of(SEED, plan.ranks().get(r).shard(),
                                new Capacity(0, 0, 0, 0, List.of(), DataType.F16)),
                        new SimulationResult.Rank.Work(0, 0, 0)))
                .toList();
        SimulationResult result = new SimulationResult(
                new Simulation(plan, CLUSTER, Scenario.decode(8, 128)),
                new SimulationResult.Speed(tpotMs, tpotMs, tpotMs, tpotMs, 8 / tpotMs * 1e3, Double.NaN, Double.NaN,
                        Double.NaN),
                new SimulationResult.Bounds(0, 0),
                new SimulationResult.Use(busy, busy, 0, 0, 1, 1),
                Map.of(regime, 0.7, regime == Regime.LAUNCH ? Regime.EXPERT : Regime.LAUNCH, 0.3), ranks, List.of(),
                SimulationResult.Range.NONE);
        return new Evaluation(layout, result, tpotMs);
    }

    private static SearchResult found(double separatedMs, double colocatedMs) {
        return new SearchResult(
                SearchRequest.of(SEED, CLUSTER, Scenario.decode(8, 128)),
                Map.of(
                        LayoutKind.MA, List.of(evaluation(SEPARATED, separatedMs, Regime.TRANSFER, 0.5)),
                        LayoutKind.TP, List.of(evaluation(TENSOR, colocatedMs, Regime.EXPERT, 0.5))),
                2, 0, 2);
    }

    @Test
    void answersByTheBetterScore() {
        Verdict loses = Verdict.of(found(2, 1), List.of());
        assertThat(loses.answer()).isEqualTo(Answer.DOES_NOT_PAY);
        assertThat(loses.gain()).isEqualTo(-1, within(1e-12));
        assertThat(loses.regime()).isEqualTo(Regime.EXPERT);
        assertThat(loses.reason()).contains("does not pay", "ma 3:1", "tp 4 x pp 1", "100.0 % more time",
                "expert-bound");

        Verdict wins = Verdict.of(found(0.5, 1), List.of());
        assertThat(wins.answer()).isEqualTo(Answer.PAYS);
        assertThat(wins.regime()).isEqualTo(Regime.TRANSFER);
        assertThat(wins.reason()).contains("Separation pays", "50.0 % less time", "transfer-bound");

        assertThat(Verdict.of(found(1.005, 1), List.of()).answer()).isEqualTo(Answer.EQUAL);
    }

    @Test
    void namesTheFirstChangeThatTurnsTheAnswer() {
        Verdict.Change same = new Verdict.Change("batch 32", 3, 2);
        Verdict.Change turns = new Verdict.Change("context 512", 1, 2);
        Verdict verdict = Verdict.of(found(2, 1), List.of(same, turns, new Verdict.Change("links", 1, 3)));

        assertThat(verdict.flip()).contains(turns);
        assertThat(verdict.reason()).contains("the answer changes with context 512: then separation pays");
        assertThat(Verdict.of(found(2, 1), List.of(same)).flip()).isEmpty();
        assertThat(Verdict.of(found(2, 1), List.of(same)).reason()).contains("none of these changes the answer");
    }

    @Test
    void explainsPoolsOfIdenticalDevices() {
        Verdict.PoolBound bound = Verdict.of(found(2, 1), List.of()).bound().orElseThrow();

        // Half of 2 ms on three attention ranks and one expert rank.
        assertThat(bound.attention()).isEqualTo(3, within(1e-12));
        assertThat(bound.expert()).isEqualTo(1, within(1e-12));
        assertThat(bound.apartMs()).isGreaterThanOrEqualTo(bound.togetherMs());
    }

    /** 0.5 ms, half of it busy, on four devices; the separated plan needs four times as long. */
    @Test
    void togetherIsTheColocatedPlansOwnWork() {
        Verdict.PoolBound bound = Verdict.of(found(2, 0.5), List.of()).bound().orElseThrow();

        assertThat(bound.togetherMs()).isEqualTo(0.25, within(1e-12));
        assertThat(bound.colocated().plan()).isEqualTo(TENSOR.name());
        // Less than the colocated plan's own work allows: the separated plan has less of it.
        assertThat(Verdict.of(found(0.1, 0.5), List.of()).bound().orElseThrow().togetherMs())
                .isEqualTo(0.05, within(1e-12));
    }

    @Property(tries = 5)
    void noPlanBesideItTakesLessThanTogetherAtLeast(@ForAll long seed) {
        assertNoneBeside(seed);
    }

    @Tag("long")
    @Property(tries = 60)
    void noneOfManyPlansBesideItTakesLessThanTogetherAtLeast(@ForAll long seed) {
        assertNoneBeside(seed);
    }

    private static void assertNoneBeside(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = random.nextBoolean() ? SEED : Presets.config("tiny");
        Cluster cluster = TestClusters.random(random, 2 + random.nextInt(4));
        Scenario scenario = Scenario.decode(1 + random.nextInt(100), 1 + random.nextInt(512)).withSteps(4, 1);
        Objective objective = Objective.values()[random.nextInt(3)];
        SearchRequest request =
                SearchRequest.of(config, cluster, scenario).with(Goal.of(objective));
        if (objective != Objective.TPOT && random.nextBoolean()) {
            double least = Planner.search(request.with(Goal.LEAST_TPOT)).best().result().tpotMs();
            request = request.with(new Goal(objective, least * (1.2 + random.nextDouble()), true));
        }
        SearchResult found = Planner.search(request);
        Verdict verdict = Verdict.of(found, List.of());

        verdict.bound().ifPresent(bound -> {
            for (List<Evaluation> kind : found.leaders().values()) {
                assertThat(bound.togetherMs()).as("%s", kind.getFirst().layout().setup().name())
                        .isLessThanOrEqualTo(kind.getFirst().result().tpotMs() * (1 + 1e-9));
            }
        });
    }

    /** The number of the sentence, with a sign: above 0 is in favour of separation. */
    @Test
    void theGainIsWhatTheSentenceSays() {
        for (Objective objective : Objective.values()) {
            SearchResult both = found(0.8, 1);
            SearchResult found = new SearchResult(
                    both.request().with(Goal.of(objective)), both.leaders(), 2, 0, 2);
            Verdict verdict = Verdict.of(found, List.of(new Verdict.Change("context 512", 2, 1)));
            double share = objective == Objective.TPS ? 0.25 : 0.2;
            double after = objective == Objective.TPS ? -0.5 : -1;

            assertThat(verdict.gain()).isEqualTo(share, within(1e-12));
            assertThat(verdict.reason()).contains(
                    "%.1f %% %s".formatted(100 * share, objective == Objective.TPS ? "more tokens/s" : "less "));
            assertThat(verdict.changes().getFirst().gain(objective)).isEqualTo(after, within(1e-12));
            assertThat(verdict.reason()).contains(
                    "%.1f %% %s".formatted(-100 * after, objective == Objective.TPS ? "fewer tokens/s" : "more "));
        }
    }

    @Test
    void saysWhereThereIsNothingToCompare() {
        SearchRequest request = SearchRequest.of(SEED, CLUSTER, Scenario.decode(8, 128));
        SearchResult colocated = new SearchResult(
                request, Map.of(LayoutKind.TP, List.of(evaluation(TENSOR, 1, Regime.EXPERT, 1))), 1, 0, 1);
        assertThat(Verdict.of(colocated).answer()).isEqualTo(Answer.IMPOSSIBLE);
        SearchResult separated = new SearchResult(
                request, Map.of(LayoutKind.MA, List.of(evaluation(SEPARATED, 1, Regime.EXPERT, 1))), 1, 0, 1);
        assertThat(Verdict.of(separated).answer()).isEqualTo(Answer.NECESSARY);
    }

    @Test
    void changesOfTheClusterDoWhatTheySay() {
        Cluster cluster = Clusters.named("a100x16");
        Scenario scenario = Scenario.decode(24, 2048);
        Plan plan = Planning.plan(SEED, Layout.tensorPipeline(16, 1));
        SimulationResult before = new Simulation(plan, cluster, scenario).run(false);
        SimulationResult free = new Simulation(plan, WhatIf.withoutLaunches(cluster), scenario).run(false);
        SimulationResult faster = new Simulation(plan, WhatIf.withFasterLinks(cluster), scenario).run(false);

        assertThat(free.criticalPath().get(Regime.LAUNCH)).isZero();
        assertThat(free.tpotMs()).isLessThan(before.tpotMs());
        assertThat(faster.criticalPath().get(Regime.TRANSFER)).isLessThan(before.criticalPath().get(Regime.TRANSFER));
    }
}
