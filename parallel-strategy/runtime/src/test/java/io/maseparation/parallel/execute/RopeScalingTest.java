package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.kernels.Body;
import io.maseparation.moe.Checkpoint;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Reference;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.testing.HfMini;
import io.maseparation.moe.testing.TestCheckpoint;
import io.maseparation.parallel.change.Changes;
import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.ExecutionOptions;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.RankLoader;
import io.maseparation.parallel.run.RunResult;
import io.maseparation.parallel.run.Workload;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every kind of rotary scaling, GELU itself, and every family, under every strategy, against a float64 computation that
 * shares nothing with the library. Requests of one batch are shorter and longer than the context of the training, and
 * prompts are cut into chunks.
 */
class RopeScalingTest {
    private static final int MAX_TOKENS = 4;
    private static final double TOLERANCE = 2e-5;
    /** Where scores of attention are about four times as large, up to 61, and so are errors of their softmax. */
    private static final double LARGE_SCORES = 4 * TOLERANCE;

    /** Requests of 8, 9, 26 and 28 tokens: the training's context is 8, or, for dynamic scaling, 24. */
    private static final List<int[]> PROMPTS = prompts(4, 5, 22, 24);

    private static final List<String> FAMILIES = List.of("mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe");

    private static final List<String> ROPES = List.of(
            "{'rope_parameters': {'rope_type': 'linear', 'factor': 2.5, 'rope_theta': 100}}",
            "{'rope_scaling': {'type': 'dynamic', 'factor': 3.0}, 'max_position_embeddings': 24, 'rope_theta': 50}",
            "{'rope_parameters': {'rope_type': 'dynamic', 'factor': 8, 'rope_theta': 100}, 'max_position_embeddings': 8}",
            "{'rope_parameters': {'rope_type': 'yarn', 'factor': 4, 'rope_theta': 100, 'beta_fast': 1, 'beta_slow': 0.05,"
                    + " 'original_max_position_embeddings': 8}}",
            "{'rope_scaling': {'type': 'yarn', 'factor': 8, 'beta_fast': 1.5, 'beta_slow': 0.07, 'truncate': false,"
                    + " 'mscale': 0.7, 'mscale_all_dim': 1.4}, 'original_max_position_embeddings': 8, 'rope_theta': 100}",
            "{'rope_scaling': {'rope_type': 'yarn', 'attention_factor': 1.5, 'original_max_position_embeddings': 2048},"
                    + " 'rope_theta': 5000}",
            "{'rope_scaling': {'rope_type': 'llama3', 'factor': 4, 'low_freq_factor': 0.1, 'high_freq_factor': 1,"
                    + " 'original_max_position_embeddings': 8}, 'rope_theta': 200}",
            "{'rope_parameters': {'rope_type': 'longrope', 'rope_theta': 100, 'original_max_position_embeddings': 8,"
                    + " 'short_factor': [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],"
                    + " 'long_factor': [1, 2, 3, 4.5, 6, 8, 10, 12]}}",
            "{'rope_scaling': {'type': 'su', 'short_factor': [1, 1.5], 'long_factor': [2, 7], 'attention_factor': 0.9},"
                    + " 'original_max_position_embeddings': 8, 'partial_rotary_factor': 0.25, 'rope_theta': 30}",
            "{'rope_parameters': {'rope_type': 'default', 'rope_theta': 100, 'partial_rotary_factor': 0.5},"
                    + " 'hidden_act': 'gelu'}",
            "{'rope_scaling': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 0.2, 'high_freq_factor': 2,"
                    + " 'original_max_position_embeddings': 8}, 'partial_rotary_factor': 0.75, 'rope_theta': 40,"
                    + " 'hidden_act': 'gelu_pytorch_tanh'}");

    @TempDir
    Path temp;

    private static List<int[]> prompts(int... lengths) {
        SplittableRandom random = new SplittableRandom(11);
        return IntStream.of(lengths).mapToObj(n -> random.ints(n, 0, 40).toArray()).toList();
    }

    private static TestCheckpoint model(String family, String rope) throws Exception {
        return model(family, rope, 0.25, 5);
    }

    private static TestCheckpoint model(String family, String rope, double multiplier, long seed) throws Exception {
        ObjectMapper json = new ObjectMapper();
        ObjectNode fields = (ObjectNode) json.readTree("""
                {"num_hidden_layers": 2, "head_dim": 16, "max_position_embeddings": 64, "rope_parameters": null}""");
        if (family.equals("granitemoe")) {
            fields.put("attention_multiplier", multiplier);
        } else if (family.startsWith("qwen")) {
            fields.put("moe_intermediate_size", 12).put("shared_expert_intermediate_size", 8);
        }
        fields.setAll((ObjectNode) json.readTree(rope.replace('\'', '"')));
        return TestCheckpoint.of(family, fields.toString(), seed);
    }

    /** Logits of a request's tokens by its index and the tokens generated, which layouts that round alike share. */
    private final Map<List<Integer>, double[][]> expected = new HashMap<>();

    /** Runs a model and compares the logits that every token was chosen from. */
    private RunResult check(
            TestCheckpoint model, ModelWeights weights, Setup setup, Body body, Changes changes) {
        return check(model, weights, setup, body, changes, TOLERANCE);
    }

    private RunResult check(
            TestCheckpoint model, ModelWeights weights, Setup setup, Body body, Changes changes, double tolerance) {
        List<Device> devices = TestDevices.strict(5).stream().map(d -> d.withBody(body)).toList();
        Workload workload = Workload.greedy(PROMPTS, MAX_TOKENS).ignoringEos().withPrefillChunk(7);
        Map<List<Integer>, float[]> logits = new ConcurrentHashMap<>();
        RunResult result;
        try (PlanExecutor executor = new PlanExecutor(
                Planning.plan(weights.config(), setup),
                new Job(weights, workload, ExecutionOptions.defaults().withDevices(devices).withChanges(changes),
                        RankLoader.real(),
                        Optional.of((sequence, index, row) -> logits.put(List.of(sequence, index), row))))) {
            result = executor.run();
        }
        for (int i = 0; i < PROMPTS.size(); i++) {
            int[] prompt = PROMPTS.get(i);
            int[] tokens = IntStream.concat(
                    IntStream.of(prompt),
                    result.outputs().get(i).tokenIds().stream().limit(MAX_TOKENS - 1).mapToInt(t -> t)).toArray();
            double[][] rows = expected.computeIfAbsent(
                    IntStream.of(tokens).boxed().toList(),
                    request -> new HfMini(model, prompt.length + MAX_TOKENS).forward(tokens));
            for (int t = 0; t < MAX_TOKENS; t++) {
                float[] row = logits.get(List.of(i, t));
                for (int v = 0; v < row.length; v++) {
                    assertThat((double) row[v])
                            .as("sequence %d, token %d, logit %d, %s %s %s", i, t, v, setup, body, model.config)
                            .isCloseTo(rows[prompt.length - 1 + t][v], within(tolerance));
                }
            }
        }
        return result;
    }

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void everyKindUnderEveryStrategy(String family) throws Exception {
        List<Setup> setups = new ArrayList<>();
        for (Layout layout : List.of(
                Layout.single(), Layout.tensorPipeline(2, 2), Layout.expertParallel(4), Layout.separated(3, 1),
                Layout.separated(2, 3))) {
            setups.add(layout.withMicroBatches(1 + setups.size() % 2));
        }
        for (int kind = 0; kind < ROPES.size(); kind++) {
            String rope = ROPES.get(kind);
            TestCheckpoint model = model(family, rope);
            expected.clear();
            try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
                // Every kind runs in every family, and in one of them under every layout.
                for (Setup setup : kind % 5 == FAMILIES.indexOf(family) ? setups : setups.subList(0, 1)) {
                    check(model, checkpoint.weights(), setup, Body.HOST, Changes.NONE);
                }
                for (int[] prompt : PROMPTS) {
                    int length = prompt.length + MAX_TOKENS;
                    double[] actual =
                            new Reference(checkpoint.weights()).trace(prompt, length).logits()[prompt.length - 1];
                    double[] other = expected.entrySet().stream()
                            .filter(request -> request.getKey().size() == prompt.length + MAX_TOKENS - 1)
                            .findFirst().orElseThrow().getValue()[prompt.length - 1];
                    assertThat(actual).as(rope).containsExactly(other, within(1e-9));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 9})
    void portableAndGpuBodiesDoLikewise(int kind) throws Exception {
        TestCheckpoint model = model("mixtral", ROPES.get(kind));
        try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
            for (Body body : List.of(Body.PORTABLE, Body.GPU)) {
                check(model, checkpoint.weights(), Layout.single().withMicroBatches(1), body, Changes.NONE);
            }
        }
    }

    /** Seeds of models whose scores are large, on the host and on portable bodies. */
    @ParameterizedTest
    @ValueSource(longs = {14, 23, 39})
    void largeScoresAreRoundedAsFloatsAre(long seed) throws Exception {
        TestCheckpoint model =
                model("granitemoe", ROPES.get(3).replace("'factor'", "'partial_rotary_factor': 0.5, 'factor'"), 1,
                        seed);
        try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
            for (Body body : List.of(Body.HOST, Body.PORTABLE)) {
                check(model, checkpoint.weights(), Layout.single().withMicroBatches(1), body, Changes.NONE,
                        LARGE_SCORES);
            }
        }
    }

    @Test
    void aChangeOfLayoutKeepsEachRequestsAngles() throws Exception {
        for (int kind : new int[] {1, 7}) {
            TestCheckpoint model = model("qwen3_moe", ROPES.get(kind));
            expected.clear();
            try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
                Setup present = Layout.separated(2, 1).withMicroBatches(2);
                Changes changes = Changes.at(
                        new Changes.Ordered(1, LayoutChange.Kind.RATIO, state -> Target.ratio(present, 1, 2)),
                        new Changes.Ordered(2, LayoutChange.Kind.RATIO, state -> Target.ratio(present, 2, 1)));
                assertThat(check(model, checkpoint.weights(), present, Body.HOST, changes).changes())
                        .hasSize(2).allMatch(LayoutChange::made);
            }
        }
    }
}
