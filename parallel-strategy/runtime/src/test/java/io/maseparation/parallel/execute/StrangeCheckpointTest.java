package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.Body;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunFailedException;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints of every family whose tensors differ in type or hold a NaN, run under layouts that cut them up. */
class StrangeCheckpointTest {
    private static final int[] TOKENS = {3, 17, 39, 0, 8, 8, 21, 5};
    private static final int HIDDEN = 24;

    @TempDir
    Path temp;

    private static TestCheckpoint tiny(String family) {
        return TestCheckpoint.of(family,
                family.startsWith("qwen")
                        ? "{\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8, \"num_hidden_layers\": 2}"
                        : "{\"num_hidden_layers\": 2}",
                5);
    }

    private static RunResult run(ModelWeights weights, Setup layout, Body body, boolean logits) {
        List<Device> devices = TestDevices.strict(4).stream().map(d -> d.withBody(body)).toList();
        Workload workload = Workload.greedy(List.of(TOKENS), 1).ignoringEos();
        try (PlanExecutor executor = new PlanExecutor(
                Planning.plan(weights.config(), layout),
                new Job(weights, logits ? workload.withPromptLogits() : workload,
                        ExecutionOptions.defaults().withDevices(devices)))) {
            return executor.run();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe"})
    void tensorsOfSeveralTypesAreComputedAlike(String family) {
        TestCheckpoint model = tiny(family);
        for (String part : List.of("k_proj.weight", "up_proj.weight", "w2.weight", "q_proj.weight", "linear.weight")) {
            SafetensorsWriter writer = model.writeConfig(temp).writer();
            model.values.forEach((name, values) -> {
                if (name.endsWith(part) && !name.contains("experts.1.")) {
                    writer.add(name, name.contains(".0.") ? "BF16" : "F16", values, model.shapes.get(name));
                }
            });
            writer.write(temp.resolve("model.safetensors"));
            try (Checkpoint checkpoint = Checkpoint.open(temp)) {
                double[] expected = new Reference(checkpoint.weights()).forward(TOKENS)[TOKENS.length - 1];
                for (Setup layout : List.of(
                        Layout.single().withMicroBatches(1),
                        Layout.tensorPipeline(2, 2).withMicroBatches(1),
                        Layout.separated(1, 2).withMicroBatches(1))) {
                    float[] logits =
                            run(checkpoint.weights(), layout, Body.HOST, true).outputs().getFirst().promptLogits();
                    for (int i = 0; i < logits.length; i++) {
                        assertThat(Math.abs(logits[i] - expected[i])).as("%s, %s, logit %d", part, layout, i)
                                .isLessThan(2e-5);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe"})
    void aNanIsRefusedWhereverItIs(String family) {
        TestCheckpoint model = tiny(family);
        String router = model.values.keySet().stream()
                .filter(n -> n.matches("model.layers.1.*(gate|router.layer).weight") && !n.contains("shared"))
                .findFirst().orElseThrow();
        for (Body body : Body.values()) {
            for (int expert = 0; expert < 5; expert += body == Body.GPU ? 4 : 1) {
                assertRefused(model, router, expert * HIDDEN + 2, body);
            }
            assertRefused(model, "lm_head.weight", 33 * HIDDEN, body);
            assertRefused(model, "model.layers.0.self_attn.k_proj.weight", 7, body);
            assertRefused(model, "model.norm.weight", 5, body);
        }
    }

    /**
     * An infinite weight anywhere: where it leaves the reference's logits finite, as that of an expert that is not
     * visited, they are computed, and everywhere else the run is refused, however the token is chosen.
     */
    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe"})
    void anInfiniteValueIsRefusedWhereverItReachesTheLogits(String family) {
        TestCheckpoint model = tiny(family);
        // Nobody looks at the embedding of a token that the prompt does not have.
        assertThat(assertRefusedLikeReference(
                model, "model.embed_tokens.weight", 30 * HIDDEN + 3, Float.POSITIVE_INFINITY, Body.HOST)).isFalse();
        int refused = 0;
        int computed = 0;
        for (String name : model.values.keySet().stream().filter(n -> !n.matches(".*experts.[34].*")).toList()) {
            float infinite = name.hashCode() % 2 == 0 ? Float.POSITIVE_INFINITY : Float.NEGATIVE_INFINITY;
            boolean few = name.matches("(lm_head|model.norm|model.layers.1.*q_proj).*");
            // What is in the row of a token that the prompt has.
            int element = name.startsWith("model.embed") ? 17 * HIDDEN + 3 : model.values.get(name).length / 2;
            for (Body body : few ? List.of(Body.values()) : List.of(Body.HOST)) {
                if (assertRefusedLikeReference(model, name, element, infinite, body)) {
                    refused++;
                } else {
                    computed++;
                }
            }
        }
        assertThat(refused).isGreaterThan(15);
        if (family.equals("granitemoe")) {
            assertThat(computed).as("all experts in one tensor, of which some are visited").isZero();
        } else {
            assertThat(computed).as("experts that no token visits").isGreaterThanOrEqualTo(3);
        }
    }

    private boolean assertRefusedLikeReference(
            TestCheckpoint model, String name, int element, float value, Body body) {
        float[] values = model.values.get(name);
        float before = values[element];
        values[element] = value;
        String what = "%s, %s[%d] %s".formatted(body, name, element, value);
        try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
            double[] expected = new Reference(checkpoint.weights()).forward(TOKENS)[TOKENS.length - 1];
            if (DoubleStream.of(expected).allMatch(Double::isFinite)) {
                float[] logits = run(checkpoint.weights(), Layout.single().withMicroBatches(1), body, true)
                        .outputs().getFirst().promptLogits();
                for (int i = 0; i < logits.length; i++) {
                    assertThat(Math.abs(logits[i] - expected[i])).as("%s, logit %d", what, i).isLessThan(2e-5);
                }
                return false;
            }
            for (boolean logits : new boolean[] {true, false}) {
                assertThatThrownBy(() -> run(checkpoint.weights(), Layout.single().withMicroBatches(1), body, logits))
                        .as(what)
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageContaining("is not a finite number");
            }
            return true;
        } finally {
            values[element] = before;
        }
    }

    private void assertRefused(TestCheckpoint model, String name, int element, Body body) {
        assertThat(assertRefusedLikeReference(model, name, element, Float.NaN, body)).as(name).isTrue();
    }
}
