package io.maseparation.parallel.studies.policies;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.moe.Presets;
import io.maseparation.parallel.adapt.ChangeRule;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.Simulation;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PolicyReportTest {
    private static final PolicyScenario SCENARIO = new PolicyScenario("test",
            new Simulation(Planning.plan(Presets.config("seed-gated"), Layout.separated(4, 4).withMicroBatches(1)),
                    Clusters.named("a100x8"), Scenario.decode(64, 64)),
            0, 4, 1, 0, ChangeRule.Settings.of(1, 1024), new MigrationModel(0.5, 0));

    @Test
    void aSummarySaysWhatIsBestAndByHowMuch() {
        PolicyResult plain = PolicyComparison.run(SCENARIO, List.of(), () -> {}).unchanged();
        PolicyComparison better = new PolicyComparison(SCENARIO, List.of(plain, dynamic(plain, 0.8)));
        PolicyComparison worse = new PolicyComparison(SCENARIO, List.of(plain, dynamic(plain, 1.1)));

        assertThat(PolicyReport.summary(List.of(better)))
                .containsExactly("dynamic is best: 20 % less TPOT than leaving everything as it is.");
        assertThat(PolicyReport.summary(List.of(worse)))
                .containsExactly("No policy has less TPOT than leaving everything as it is.");
        assertThat(PolicyReport.summary(List.of(better, worse))).containsExactly(
                "dynamic is best on average: 5.0 % less TPOT than leaving everything as it is, from 20 % less TPOT to"
                        + " 10 % more TPOT.",
                "Least TPOT of 2 traces: static on 1, dynamic on 1.");
    }

    private static PolicyResult dynamic(PolicyResult of, double factor) {
        PolicyResult.Times t = of.times();
        return new PolicyResult(BalancingPolicy.DYNAMIC, of.layout(),
                new PolicyResult.Times(factor * t.tpotMs(), t.tpotP50Ms(), t.tpotP99Ms(), t.tps(), t.boundMs()),
                of.imbalance(), of.changes(), of.copyingMs(), of.pausedMs(), of.trace());
    }

    @Test
    void reasonsOfRefusedChangesAreInTheReadersWords() {
        PolicyResult plain = PolicyComparison.run(SCENARIO, List.of(), () -> {}).unchanged();
        LayoutChange refused = new LayoutChange(2, LayoutChange.Kind.RATIO, "4:4", "3:5", 0.1, LayoutChange.Cost.NONE,
                false, "refused: 'expert_devices' 5 must divide the experts");
        PolicyResult result = new PolicyResult(plain.policy(), plain.layout(), plain.times(), plain.imbalance(),
                List.of(refused), plain.copyingMs(), plain.pausedMs(), plain.trace());

        Map<String, Object> tree = PolicyReport.tree(
                List.of(new PolicyComparison(SCENARIO, List.of(result))),
                text -> text.replace("'expert_devices'", "--expert-devices"));

        assertThat(tree.toString())
                .contains("outcome=refused: --expert-devices 5 must divide the experts")
                .doesNotContain("expert_devices'");
    }
}
