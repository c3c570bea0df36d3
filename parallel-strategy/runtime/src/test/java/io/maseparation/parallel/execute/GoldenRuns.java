package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.maseparation.kernels.Body;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.WeightConversion;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs the golden checkpoints and holds what comes out against Hugging Face's tokens and logits. */
public final class GoldenRuns {
    /** Agreement of fp32 with Hugging Face's fp32; a wrong epsilon or a flipped route is far outside. */
    static final float LOGIT_TOLERANCE = 2e-5f;

    /** Devices that a run is given. */
    public static final int DEVICES = 8;

    /** Tokens that Hugging Face wrote for each prompt. */
    static final int TOKENS = 32;

    /** The checkpoints. */
    public static final Path FOLDER = Path.of("..", "..", "moe-core", "src", "test", "resources", "golden");

    private GoldenRuns() {}

    public static void check(String model, Setup layout, Body body) throws Exception {
        check(model, layout, body, Changes.NONE);
    }

    public static RunResult check(String model, Setup layout, Body body, Changes changes)
            throws Exception {
        List<Device> devices =
                TestDevices.strict(DEVICES).stream().map(d -> d.withBody(body)).toList();
        return check(model, layout, devices, changes);
    }

    public static RunResult check(String model, Setup layout, List<Device> devices, Changes changes)
            throws Exception {
        return check(model, layout, devices, changes, LOGIT_TOLERANCE, TOKENS);
    }

    static RunResult check(
            String model, Setup layout, List<Device> devices, Changes changes, float tolerance, int tokens)
            throws Exception {
        Path folder = FOLDER.resolve(model);
        JsonNode golden = new ObjectMapper().readTree(folder.resolve("golden.json").toFile());
        List<int[]> prompts = new ArrayList<>();
        for (JsonNode prompt : golden.get("input_ids")) {
            prompts.add(ints(prompt));
        }
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            ModelWeights weights = WeightConversion.readableBy(
                    devices.stream().map(Device::target).toList(), checkpoint.weights());
            Plan plan = Planning.plan(weights.config(), layout);
            Workload workload = Workload.greedy(prompts, tokens).ignoringEos().withPromptLogits();
            try (PlanExecutor executor = new PlanExecutor(
                    plan,
                    new Job(
                            weights,
                            workload,
                            ExecutionOptions.defaults().withDevices(devices).withChanges(changes)))) {
                RunResult result = executor.run();
                for (int i = 0; i < prompts.size(); i++) {
                    RunResult.SequenceOutput output = result.outputs().get(i);
                    assertThat(output.tokenIds().stream().mapToInt(t -> t).toArray())
                            .as("tokens of prompt %d", i)
                            .isEqualTo(Arrays.copyOf(ints(golden.get("greedy").get(i)), tokens));
                    float[] logits = output.promptLogits();
                    for (int j = 0; j < logits.length; j++) {
                        assertThat(Math.abs(
                                logits[j] - golden.get("last_logits").get(i).get(j).asDouble()))
                                .as("logit %d of prompt %d", j, i)
                                .isLessThan(tolerance);
                    }
                }
                return result;
            }
        }
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asInt();
        }
        return values;
    }
}
