package io.maseparation.parallel.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.execute.PlanExecutor;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
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
    @Tag("long")
    void aDeviceThatComputesRightPasses() {
        List<SelfCheck.Check> checks = SelfCheck.of(DEVICE.withBody(Body.HOST));
        assertThat(checks).hasSize(7);
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

    /** On a GPU, attention has other bodies for heads of more than 64 columns, with a cache of either format. */
    @Test
    void headsOfAnyWidthAreChecked() {
        for (boolean cores : new boolean[] {false, true}) {
            Device gpu = new Device(
                    DEVICE.device(),
                    DEVICE.target().withBody(Body.GPU).withTensorCores(cores));
            for (DataType cache : List.of(DataType.F32, DataType.F16)) {
                assertThat(SelfCheck.of(gpu).stream()
                        .filter(check -> check.cache() == cache)
                        .map(check -> check.model().attention().heads().dim()))
                        .as("cache of %s, tensor cores %s", cache, cores)
                        .anyMatch(dim -> dim <= 64)
                        .anyMatch(dim -> dim > 64 && dim <= 128);
            }
        }
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

    /** A norm that makes activations too large for fp16: the message says what else computes them. */
    @Test
    void whatTensorCoresCannotHoldIsRefused() {
        Device cores = new Device(
                DEVICE.device(),
                DEVICE.target().withBody(Body.GPU).withTensorCores(true));
        SelfCheck.Check check = SelfCheck.of(cores).stream()
                .filter(SelfCheck.Check::onTensorCores)
                .findFirst()
                .orElseThrow();
        ModelWeights weights = RandomWeights.create(check.model(), 1);
        weights.layers().getFirst().postNorm().init(1e6f);
        Job job = new Job(weights, Workload.greedy(List.of(new int[] {1, 2, 3}), 1),
                ExecutionOptions.defaults().withDevices(List.of(check.device())));
        assertThatThrownBy(() -> run(check, job))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining(
                        "is not a finite number; if activations are beyond 65504, which tensor cores cannot"
                                + " hold, 'no_tensor_cores' helps");
        Job without = new Job(weights, job.workload(),
                ExecutionOptions.defaults().withDevices(List.of(check.device().withoutTensorCores())));
        assertThat(run(check, without).outputs().getFirst().tokenIds()).hasSize(1);
    }

    private static RunResult run(SelfCheck.Check check, Job job) {
        try (PlanExecutor executor = new PlanExecutor(Planning.plan(check.model(), check.layout()), job)) {
            return executor.run();
        }
    }
}
