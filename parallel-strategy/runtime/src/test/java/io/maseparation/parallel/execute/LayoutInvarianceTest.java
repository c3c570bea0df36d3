package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.Sampler;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** The layout does not change the answer: the main property of the project. */
class LayoutInvarianceTest {
    /** Logits of layouts that split sums differ by rounding: a few hundred ulp of values around 1. */
    private static final float SPLIT_TOLERANCE = 2e-4f;

    /** Router scores closer than this may be ordered either way in fp32. */
    private static final double ROUTER_GAP = 1e-4;

    private final List<Device> strict = TestDevices.strict(16);

    @Property(tries = 60)
    void wholeExpertsAreBitIdenticalToASingleDevice(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = RandomWeights.create(config, seed);
        Workload workload = workload(random, config);
        Setup other = RandomLayouts.whole(random, config)
                .withMicroBatches(1 + random.nextInt(3))
                .withSchedule(random.nextInt(4) == 0 ? Schedule.BARRIER : Schedule.ASYNC);
        DataType kv = random.nextInt(4) == 0 ? DataType.F16 : DataType.F32;

        RunResult expected = run(config, weights, workload, Layout.single().withMicroBatches(1), kv);
        RunResult actual = run(config, weights, workload, other, kv);

        for (int i = 0; i < workload.prompts().size(); i++) {
            assertThat(actual.outputs().get(i).tokenIds())
                    .as("tokens of sequence %d, %s, %s", i, other, config)
                    .isEqualTo(expected.outputs().get(i).tokenIds());
            assertThat(actual.outputs().get(i).promptLogits())
                    .as("logits of sequence %d, %s", i, other)
                    .isEqualTo(expected.outputs().get(i).promptLogits());
        }
        double imbalance = actual.metrics().utilisation().imbalance();
        assertThat(Double.isNaN(imbalance) || (imbalance >= 1 && imbalance <= other.layout().ranks()))
                .as("imbalance of %s is %s", other, imbalance)
                .isTrue();
        for (RunResult.RankReport rank : actual.ranks()) {
            if (rank.role() == Role.EXPERT) {
                assertThat(rank.memory().kvBytes()).as("KV cache of expert rank").isZero();
            }
        }
    }

    @Property(tries = 30)
    void thePlacementOfExpertsDoesNotMatter(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = RandomWeights.create(config, seed);
        Workload workload = workload(random, config);
        Setup setup = RandomLayouts.whole(random, config).withMicroBatches(1 + random.nextInt(2));
        int groups = setup.layout().expertGroups();
        List<List<Integer>> placement = new ArrayList<>();
        for (ModelConfig.Layer layer : config.layers()) {
            List<Integer> groupOf = new ArrayList<>();
            for (int expert = 0; expert < layer.routing().experts(); expert++) {
                groupOf.add(expert < groups ? expert : random.nextInt(groups));
            }
            Collections.shuffle(groupOf, new Random(seed));
            placement.add(groupOf);
        }
        Plan plan = Planning.plan(config, setup, Optional.of(ExpertGroups.of(placement)));
        assertThat(plan.placement().experts().firstGroups()).isEqualTo(placement);

        RunResult expected = run(config, weights, workload, Layout.single().withMicroBatches(1), DataType.F32);
        RunResult actual = run(plan, weights, workload, DataType.F32);

        for (int i = 0; i < workload.prompts().size(); i++) {
            assertThat(difference(expected.outputs().get(i), actual.outputs().get(i)))
                    .as("%s of %s", setup, config)
                    .isZero();
        }
    }

    @Property(tries = 100)
    void splitHeadsAndWidthDifferByRoundingOnly(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = RandomWeights.create(config, seed);
        Workload workload = workload(random, config);
        Setup other = RandomLayouts.split(random, config)
                .withMicroBatches(1 + random.nextInt(3))
                .withSchedule(random.nextInt(4) == 0 ? Schedule.BARRIER : Schedule.ASYNC);

        RunResult expected = run(config, weights, workload, Layout.single().withMicroBatches(1), DataType.F32);
        RunResult actual = run(config, weights, workload, other, DataType.F32);

        for (int i = 0; i < workload.prompts().size(); i++) {
            float[] a = actual.outputs().get(i).promptLogits();
            float[] e = expected.outputs().get(i).promptLogits();
            if (!other.layout().splitsSums()) {
                assertThat(a).as("%s splits no sum", other).isEqualTo(e);
            }
            assertThat(actual.outputs().get(i).tokenIds())
                    .as("number of tokens of sequence %d, %s", i, other)
                    .hasSameSizeAs(expected.outputs().get(i).tokenIds());
            assertThat(a).hasSameSizeAs(e);
        }
        for (int i = 0; i < workload.prompts().size(); i++) {
            float difference = difference(expected.outputs().get(i), actual.outputs().get(i));
            if (difference >= SPLIT_TOLERANCE && mayRouteEitherWay(weights, workload.prompts().get(i))) {
                continue;
            }
            assertThat(difference).as("sequence %d, %s of %s", i, other, config).isLessThan(SPLIT_TOLERANCE);
        }
    }

    @Property(tries = 60)
    void aSingleDeviceAgreesWithTheFloat64Reference(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = TestModels.random(random);
        ModelWeights weights = RandomWeights.create(config, seed);
        Workload workload = workload(random, config).withDepth(0);
        RunResult actual = run(config, weights, workload, Layout.single().withMicroBatches(1), DataType.F32);
        Reference reference = new Reference(weights);
        for (int i = 0; i < workload.prompts().size(); i++) {
            Reference.Trace trace = reference.trace(workload.prompts().get(i), workload.positions(i) + 1);
            if (mayRouteEitherWay(trace)) {
                continue;
            }
            double[] expected = trace.logits()[trace.logits().length - 1];
            float[] logits = actual.outputs().get(i).promptLogits();
            for (int j = 0; j < expected.length; j++) {
                assertThat(Math.abs(logits[j] - expected[j]))
                        .as("logit %d of sequence %d, %s", j, i, config)
                        .isLessThan(SPLIT_TOLERANCE);
            }
        }
    }

    /** Where two experts are as good as equal, rounding may choose the other one. */
    private static boolean mayRouteEitherWay(Reference.Trace trace) {
        return java.util.Arrays.stream(trace.routerGap()).anyMatch(gap -> gap < ROUTER_GAP);
    }

    private static boolean mayRouteEitherWay(ModelWeights weights, int[] prompt) {
        return mayRouteEitherWay(new Reference(weights).trace(prompt, prompt.length));
    }

    private static float difference(RunResult.SequenceOutput expected, RunResult.SequenceOutput actual) {
        float worst = 0;
        for (int j = 0; j < expected.promptLogits().length; j++) {
            worst = Math.max(worst, Math.abs(expected.promptLogits()[j] - actual.promptLogits()[j]));
        }
        return worst;
    }

    private static Workload workload(SplittableRandom random, ModelConfig config) {
        List<int[]> prompts = TestModels.prompts(random, config, 1 + random.nextInt(6), 12);
        return new Workload(prompts, 1 + random.nextInt(6), true, Workload.Ending.NEVER, Sampler.greedy(), true,
                1 + random.nextInt(12),
                random.nextInt(20));
    }

    private RunResult run(
            ModelConfig config, ModelWeights weights, Workload workload, Setup setup, DataType kv) {
        return run(Planning.plan(config, setup), weights, workload, kv);
    }

    private RunResult run(Plan plan, ModelWeights weights, Workload workload, DataType kv) {
        ExecutionOptions execution =
                ExecutionOptions.defaults().withDevices(strict).withKvType(kv);
        try (PlanExecutor executor = new PlanExecutor(plan, new Job(weights, workload, execution))) {
            return executor.run();
        }
    }
}
