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

    @Test
    void reasonsOfRefusedChangesAreInTheReadersWords() {
        PolicyScenario scenario = new PolicyScenario("test",
                new Simulation(Planning.plan(Presets.config("seed-gated"), Layout.separated(4, 4).withMicroBatches(1)),
                        Clusters.named("a100x8"), Scenario.decode(64, 64)),
                0, 4, 1, 0, ChangeRule.Settings.of(1, 1024), new MigrationModel(0.5, 0));
        PolicyResult plain = PolicyComparison.run(scenario, List.of(), () -> {}).unchanged();
        LayoutChange refused = new LayoutChange(2, LayoutChange.Kind.RATIO, "4:4", "3:5", 0.1, LayoutChange.Cost.NONE,
                false, "refused: 'expert_devices' 5 must divide the experts");
        PolicyResult result = new PolicyResult(plain.policy(), plain.layout(), plain.times(), plain.imbalance(),
                List.of(refused), plain.copyingMs(), plain.pausedMs(), plain.trace());

        Map<String, Object> tree = PolicyReport.tree(
                List.of(new PolicyComparison(scenario, List.of(result))),
                text -> text.replace("'expert_devices'", "--expert-devices"));

        assertThat(tree.toString())
                .contains("outcome=refused: --expert-devices 5 must divide the experts")
                .doesNotContain("expert_devices'");
    }
}
