package io.maseparation.parallel.compare;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SelfCheckTest {
    private static final Device DEVICE = Device.all().getFirst();

    @Test
    void theModelsHaveAllOperations() {
        Set<Operation> seen = EnumSet.noneOf(Operation.class);
        StepShape decode = StepShape.decode(3, 7).withExperts(new StepShape.ExpertLoad(3, 4, 2, 1));
        for (ModelConfig model : SelfCheck.models(DataType.F32)) {
            SelfCheck.Check check = new SelfCheck.Check(DEVICE, model, DataType.F32, 1);
            for (RankPlan rank : Planning.plan(model, check.layout()).ranks()) {
                SegmentCosts costs = new SegmentCosts(model, rank.shard(), Format.F32);
                for (Segment segment : rank.segments()) {
                    costs.of(segment, decode).stream().map(OperationCost::operation).forEach(seen::add);
                }
            }
        }
        // The cost model has attention of prompts for steps that take some in; their graph is the same one.
        seen.add(Operation.PREFILL_ATTENTION);
        assertThat(seen).containsExactlyInAnyOrder(Operation.values());
    }

    @Test
    void aDeviceThatComputesRightPasses() {
        List<SelfCheck.Check> checks = SelfCheck.of(DEVICE.withBody(Body.HOST));
        assertThat(checks).hasSize(6);
        for (SelfCheck.Check check : checks) {
            SelfCheck.Outcome outcome = check.run();
            assertThat(outcome.failure()).as("%s", outcome).isEmpty();
            assertThat(outcome.error()).isPositive();
        }
    }

    @Test
    void everyBodyOfItsOwnAndThePortableOnesAreChecked() {
        assertThat(SelfCheck.of(DEVICE).stream().map(SelfCheck.Check::body).distinct())
                .contains(DEVICE.target().choose().body(), Body.PORTABLE);
    }

    @Test
    void whatIsOffFailsAndSoDoesWhatCannotRun() {
        SelfCheck.Check right = SelfCheck.of(DEVICE.withBody(Body.HOST)).getFirst();
        SelfCheck.Check strict = new SelfCheck.Check(right.device(), right.model(), DataType.F32, 1e-12);
        assertThat(strict.run().failure()).contains("wrong");
        ModelConfig planned = Presets.names().stream()
                .map(Presets::config)
                .filter(ModelConfig::planningOnly)
                .findFirst()
                .orElseThrow();
        SelfCheck.Outcome failed = new SelfCheck.Check(right.device(), planned, DataType.F32, 1).run();
        assertThat(failed.failure().orElseThrow()).contains("planning").doesNotContain("\n");
        assertThat(failed.error()).isNaN();
    }
}
