package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.testing.HfMini;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Checkpoints whose parts do not fit each other: results are those of transformers, and a line says what is odd. */
class ContradictionsTest {
    private static final int[] TOKENS = {3, 17, 39, 0, 8, 8, 21, 5};

    @TempDir
    Path temp;

    static TestCheckpoint tiny(HfFamily family) {
        return TestCheckpoint.of(family.modelType, switch (family) {
            case QWEN2_MOE -> "{\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8}";
            case QWEN3_MOE -> "{\"moe_intermediate_size\": 12}";
            default -> "{}";
        }, 11);
    }

    record Opened(double[] logits, List<String> lines, ModelConfig config) {}

    static Opened open(Path folder) {
        List<String> lines = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(folder, lines::add)) {
            double[][] logits = new Reference(checkpoint.weights()).forward(TOKENS);
            assertThat(checkpoint.weights().bytes()).isEqualTo(weightBytes(checkpoint));
            assertThat(ModelSize.of(checkpoint.weights().config()).weightBytes())
                    .isGreaterThanOrEqualTo(checkpoint.weights().bytes());
            return new Opened(logits[TOKENS.length - 1], lines, checkpoint.config());
        }
    }

    /**
     * Bytes by the configuration, as far as matrices that share an entry of it have one format. Embedding, output
     * projection, attention, experts and shared expert may each have their own.
     */
    private static long weightBytes(Checkpoint checkpoint) {
        ModelWeights weights = checkpoint.weights();
        boolean alike = weights.layers().stream().allMatch(l -> isAlike(Stream.of(
                l.attention().q(), l.attention().k(), l.attention().v(), l.attention().o()))
                && isAlike(l.experts().stream().flatMap(e -> e.matrices().stream())));
        return alike ? ModelSize.of(weights.config()).weightBytes() : weights.bytes();
    }

    private static boolean isAlike(Stream<WeightMatrix> matrices) {
        return matrices.map(WeightMatrix::type).distinct().count() <= 1;
    }

    static double[] expected(TestCheckpoint model) {
        return new HfMini(model, TOKENS.length).forward(TOKENS)[TOKENS.length - 1];
    }

    static void assertOneLine(Opened opened, String... mentioned) {
        assertThat(opened.lines()).hasSize(1);
        assertThat(opened.lines().getFirst()).contains(mentioned).matches("[^\\p{Cntrl}]{1,500}");
    }

    @ParameterizedTest
    @EnumSource
    void aCheckpointThatFitsTogetherSaysNothing(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"architectures": ["%s"], "torch_dtype": "float32", "transformers_version": "4.5", "use_cache": true,
                 "attention_dropout": 0.0, "initializer_range": 0.02, "bos_token_id": 1, "pad_token_id": null,
                 "router_aux_loss_coef": 0.01, "output_router_logits": false, "rope_scaling": null,
                 "attention_bias": false, "sliding_window": null, "use_sliding_window": false, "max_window_layers": 3,
                 "tie_word_embeddings": false, "clip_qkv": null, "_name_or_path": "x", "pretraining_tp": 1,
                 "router_jitter_noise": 0.0, "quantization_config": null, "mlp_only_layers": [], "qkv_bias": %s,
                 "decoder_sparse_step": 1, "layer_types": ["full_attention", "full_attention", "full_attention"]}"""
                .formatted(family.architecture, family == HfFamily.QWEN2_MOE)));
        Opened opened = open(model.write(temp));
        assertThat(opened.lines()).isEmpty();
        assertThat(opened.logits()).containsExactly(expected(model), within(1e-5));
    }

    @ParameterizedTest
    @EnumSource
    void anOutputProjectionOfItsOwnIsUsedWhateverTheFlagSays(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        model.config.put("tie_word_embeddings", true);
        Opened opened = open(model.write(temp));
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertThat(opened.config().vocabulary().tied()).isFalse();
        assertOneLine(opened, "model.safetensors: tensor lm_head.weight", "tie_word_embeddings", "is used");
    }

    @ParameterizedTest
    @EnumSource
    void aCopyOfTheEmbeddingIsTheEmbeddingByEitherName(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.put("tie_word_embeddings", true);
        model.values.put("lm_head.weight", model.values.get("model.embed_tokens.weight"));
        double[] expected = expected(model);
        Opened both = open(model.write(temp));
        model.writer().remove("model.embed_tokens.weight").write(temp.resolve("model.safetensors"));
        Opened head = open(temp);
        model.writer().remove("lm_head.weight").write(temp.resolve("model.safetensors"));
        Opened embedding = open(temp);
        model.writer().remove("lm_head.weight")
                .add("lm_head.weight", "BF16", model.values.get("lm_head.weight"), model.shapes.get("lm_head.weight"))
                .write(temp.resolve("model.safetensors"));
        Opened narrow = open(temp);
        for (Opened opened : List.of(both, head, embedding, narrow)) {
            assertThat(opened.logits()).containsExactly(expected, within(1e-5));
            assertThat(opened.lines()).isEmpty();
            assertThat(opened.config().vocabulary().tied()).isTrue();
        }
    }

    static Stream<Arguments> strangers() {
        return Arrays.stream(HfFamily.values()).flatMap(family -> Stream.of(
                "model.layers.0.self_attn.o_proj.bias",
                "model.layers.1.mlp.gate.e_score_correction_bias",
                "model.layers.3.input_layernorm.weight",
                "model.layers.2.mlp.shared_experts.up_proj.weight",
                "model.layers.0.self_attn.sinks",
                "model.layers.0.self_attn.q_proj.weight_scale").map(name -> Arguments.of(family, name)));
    }

    @ParameterizedTest
    @MethodSource("strangers")
    void tensorsThatNothingReadsAreNamed(HfFamily family, String name) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        SafetensorsWriter writer = model.writeConfig(temp).writer();
        writer.add(name, "F32", new float[] {1, 2}, 2).add("another\nname", "F32", new float[] {1}, 1)
                .add("model.layers.0.self_attn.rotary_emb.inv_freq", "F16", new float[] {1, 0.0464f, 0.00215f}, 3)
                .write(temp.resolve("model.safetensors"));
        Opened opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, "model.safetensors", "2 of the tensors", name);
    }

    @ParameterizedTest
    @EnumSource
    void aFurtherLayerIsNotReadAndSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        long perLayer = model.values.keySet().stream().filter(n -> n.startsWith("model.layers.2.")).count();
        model.write(temp);
        model.config.put("num_hidden_layers", 2);
        model.writeConfig(temp);
        Opened opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected(model), within(1e-5));
        assertOneLine(opened, perLayer + " of the tensors", "model.layers.2.");
    }

    @ParameterizedTest
    @EnumSource
    void tensorsOfSeveralTypesAreThoseOfTransformers(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        for (String part : List.of("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight", "up_proj.weight",
                "gate_proj.weight", "w1.weight", "w2.weight", "gate.weight", "norm.weight", "embed_tokens.weight")) {
            SafetensorsWriter writer = model.writeConfig(temp).writer();
            model.values.forEach((name, values) -> {
                if (name.endsWith(part) && !name.contains("experts.1.")) {
                    writer.add(name, "BF16", values, model.shapes.get(name));
                }
            });
            writer.write(temp.resolve("model.safetensors"));
            try (Checkpoint checkpoint = Checkpoint.open(temp)) {
                for (LayerWeights layer : checkpoint.weights().layers()) {
                    DataType type = layer.attention().q().type();
                    assertThat(layer.attention().k().type()).isEqualTo(type);
                    assertThat(layer.attention().v().type()).isEqualTo(type);
                    assertThat(layer.experts()).allSatisfy(e -> assertThat(e.gate().type()).isEqualTo(e.up().type()));
                }
            }
            Opened opened = open(temp);
            assertThat(opened.logits()).as(part).containsExactly(expected, within(1e-5));
            assertThat(opened.lines()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aNarrowerFormatThatTheConfigurationNamesRoundsTheOthers(HfFamily family) {
        TestCheckpoint model = tiny(family).type("BF16");
        Map<String, float[]> wide = new LinkedHashMap<>();
        for (String part : List.of("q_proj.weight", "embed_tokens.weight", "layernorm.weight")) {
            model.values.forEach((name, values) -> {
                if (name.endsWith(part)) {
                    float[] exact = new float[values.length];
                    float[] rounded = new float[values.length];
                    for (int i = 0; i < exact.length; i++) {
                        exact[i] = values[i] * 1.0039062f + 0.001f;
                        rounded[i] = (float) nearest(exact[i]);
                    }
                    wide.put(name, exact);
                    model.values.put(name, rounded);
                }
            });
        }
        model.config.put("dtype", "bfloat16");
        double[] expected = expected(model);
        SafetensorsWriter writer = model.writeConfig(temp).writer();
        wide.forEach((name, values) -> writer.add(name, "F32", values, model.shapes.get(name)));
        writer.write(temp.resolve("model.safetensors"));
        Opened opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, wide.size() + " tensors", "BF16", "rounded", "(F32)");
    }

    /** The nearest number of eight bits; the even one of two. */
    private static double nearest(double x) {
        double unit = Math.scalb(1.0, Math.getExponent(x) - 7);
        return Math.rint(x / unit) * unit;
    }

    @ParameterizedTest
    @EnumSource
    void weightsThatAreAllWiderThanTheConfigurationSaysAreUsedAsTheyAre(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.put("dtype", "bfloat16");
        Opened opened = open(model.write(temp));
        assertThat(opened.config().weightType()).isEqualTo(DataType.F32);
        assertOneLine(opened, "all tensors are F32", "dtype is BF16");
    }

    @ParameterizedTest
    @EnumSource
    void quantisedWeightsAreRefusedByTheirMethod(HfFamily family) {
        for (String block : List.of("{\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4}}",
                "{\"quantization_config\": {\"quant_method\": \"fp8\"}}",
                "{\"quantization\": {\"bits\": 4, \"group_size\": 64}}",
                "{\"compression_config\": {\"quant_method\": \"compressed-tensors\"}}")) {
            TestCheckpoint model = tiny(family);
            model.config.setAll(json(block));
            model.write(temp);
            String method = json(block).elements().next().path("quant_method").asText("quantization");
            assertComplains(() -> Checkpoint.open(temp), "config.json: ", method, "is not supported");
            assertThat(HfConfig.read(temp).hidden()).as("planning needs no weights").isEqualTo(24);
        }
        SafetensorsWriter.text(temp.resolve("hf_quant_config.json"), "{}");
        tiny(family).write(temp);
        assertComplains(() -> Checkpoint.open(temp), "hf_quant_config.json", "not supported");
    }

    @ParameterizedTest
    @EnumSource
    void fieldsOfOtherFamiliesAreNamed(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        model.config.put("final_logit_softcapping", 30.0).put("routed_scaling_factor", 2.5).put("scoring_func",
                "sigmoid");
        Opened opened = open(model.write(temp));
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, "config.json", family.modelType, "final_logit_softcapping", "routed_scaling_factor",
                "scoring_func");
    }

    @ParameterizedTest
    @EnumSource
    void rotaryParametersMayBeGivenByTypeOfLayer(HfFamily family) {
        for (String field : List.of("rope_parameters", "rope_scaling")) {
            TestCheckpoint model = tiny(family);
            model.config.remove("rope_parameters");
            model.config.put("rope_theta", 500.0);
            double[] expected = expected(model);
            model.config.remove("rope_theta");
            model.config.set(field, json("""
                    {"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                     "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}"""));
            Opened opened = open(model.write(temp));
            assertThat(opened.logits()).containsExactly(expected, within(1e-5));
            // With the theta that transformers puts beside the types, the object counts as one without types there.
            assertOneLine(opened, "config.json: " + field + " is by type of layer and used, unlike in transformers",
                    family.modelType + " has rope_theta " + (long) family.number("rope_theta"));
        }
    }

    @Test
    void theTypesOfLayersThatAreThereDecide() {
        String nested = """
                {"full_attention": {"rope_theta": 500.0}, "sliding_attention": {"rope_theta": 100.0}}""";
        TestCheckpoint mixtral = tiny(HfFamily.MIXTRAL);
        mixtral.config.put("sliding_window", 4).set("rope_parameters", json(nested));
        assertThat(HfConfig.read(mixtral.write(temp)).attention().rope()).isEqualTo(new Rope(100, 1));
        TestCheckpoint qwen = tiny(HfFamily.QWEN2_MOE);
        qwen.config.put("sliding_window", 4).put("use_sliding_window", true).set("rope_parameters", json(nested));
        qwen.write(temp);
        assertComplains(() -> HfConfig.read(temp), "config.json: rope_parameters differs",
                "full_attention and sliding_attention");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"rope_scaling\": {\"name\": \"yarn\"}}                          | rope_scaling: name is not known",
        "{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_tetha\": 5}} | rope_parameters: rope_tetha is not known",
        "{\"rope_scaling\": {\"factor\": 4.0}}                             | rope_scaling: factor is there without a rope_type",
        "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"type\": \"linear\", \"factor\": 2}} | rope_type yarn and type linear",
        "{\"rope_scaling\": {\"rope_type\": \"ntk\"}}                      | rope_type ntk is not supported",
        "{\"rope_parameters\": {\"full_attention\": {\"name\": \"yarn\"}}} | full_attention: name is not known",
        "{\"rope_parameters\": {\"sliding_attention\": {\"rope_theta\": 5}}} | rope_parameters: full_attention is missing",
        "{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 5}, \"linear_attention\": {\"name\": \"yarn\"}}} | linear_attention: name is not known",
        "{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 5}, \"sliding_attention\": {\"rope_type\": \"bogus\"}}} | rope_type bogus is not supported",
        "{\"rope_parameters\": {\"full_attention\": null}}             | rope_parameters: full_attention is missing",
        "{\"rope_parameters\": {\"full_attention\": 5}}                | rope_parameters: full_attention is not an object",
        "{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 5}, \"rope_theta\": 4}} | rope_theta stands beside",
        "{\"rope_parameters\": {\"half_attention\": {\"rope_theta\": 5}}}  | half_attention is not a type of layer",
        "{\"position_embedding_type\": \"nope\"}                          | position_embedding_type nope",
        "{\"layer_types\": [\"full_attention\", \"linear_attention\", \"full_attention\"]} | linear_attention is not supported",
        "{\"layer_types\": [\"full_attention\", \"full\", \"full_attention\"]} | layer_types full is not supported",
        "{\"layer_types\": [\"full_attention\"]}                          | layer_types names 1 layers",
    })
    void whatIsNotUnderstoodIsRefusedByName(String fields, String complaint) {
        for (HfFamily family : HfFamily.values()) {
            TestCheckpoint model = tiny(family);
            model.config.remove("rope_parameters");
            model.config.setAll(json(fields));
            model.write(temp);
            assertComplains(() -> Checkpoint.open(temp), "config.json: ", complaint);
        }
    }

    /** In qwen2_moe, which reads them, transformers leaves such a layer without a window nothing to attend to. */
    @ParameterizedTest
    @EnumSource
    void layerTypesMustAgreeWithTheWindowsThatThereAre(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.set("layer_types", json("""
                {"t": ["full_attention", "sliding_attention", "full_attention"]}""").get("t"));
        model.write(temp);
        assertComplains(() -> Checkpoint.open(temp), "layer_types has sliding_attention for layer 1", family.modelType);
    }

    @ParameterizedTest
    @EnumSource
    void dialectsThatContradictEachOtherAndUselessFieldsAreNamed(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.put("rope_theta", 77.0);
        model.config.set("rope_parameters", json("{\"rope_theta\": 500.0, \"rope_type\": \"default\"}"));
        assertOneLine(open(model.write(temp)), "rope_theta 77 and that of rope_parameters, 500, contradict");
        model.config.put("rope_theta", 500.0);
        model.config.set("rope_parameters", json("{\"rope_theta\": 500.0, \"factor\": 4}"));
        model.write(temp);
        assertComplains(() -> Checkpoint.open(temp), "factor is there without a rope_type");
        model.config.set("rope_parameters",
                json("{\"rope_theta\": 500.0, \"rope_type\": \"default\", \"low_freq_factor\": 4}"));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().attention().rope()).isEqualTo(new Rope(500, 1));
        assertThat(opened.lines()).isNotEmpty().allSatisfy(l -> assertThat(l).contains("low_freq_factor"));
    }

    @ParameterizedTest
    @EnumSource
    void ropeScalingTakesNothingFromRopeParameters(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"rope_scaling": {"rope_type": "linear", "factor": 2.0},
                 "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}"""));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().attention().rope()).isEqualTo(new Rope(family.number("rope_theta"), 2));
        assertThat(opened.lines()).anySatisfy(line -> assertThat(line)
                .contains("rope_scaling and rope_parameters contradict each other: rope_scaling with rope_theta "
                        + (long) family.number("rope_theta") + " is used"));
    }

    @Test
    void anOriginalContextBesideParametersOfATypeOfLayerIsTheirs() {
        TestCheckpoint model = tiny(HfFamily.QWEN3_MOE);
        String rope = "{\"full_attention\": {\"rope_type\": \"yarn\", \"factor\": 4.0, \"rope_theta\": 500.0%s}}";
        model.config.set("rope_parameters", json(rope.formatted("")));
        model.config.put("original_max_position_embeddings", 16);
        assertComplains(() -> open(model.write(temp)),
                "original_max_position_embeddings 16 stands beside full_attention, which has none");
        model.config.set("rope_parameters", json(rope.formatted(", \"original_max_position_embeddings\": 8")));
        assertComplains(() -> open(model.write(temp)),
                "original_max_position_embeddings 16 and that of full_attention, 8, contradict each other");
        model.config.put("original_max_position_embeddings", 8);
        assertThat(open(model.write(temp)).config().attention().rope().scaling()).isInstanceOfSatisfying(
                Rope.Yarn.class, yarn -> assertThat(yarn.original()).isEqualTo(8));
    }

    /** The reference refuses nothing, but a broken router leaves no logit a number, whichever expert it is of. */
    @ParameterizedTest
    @EnumSource
    void aNanOfAnyExpertOfARouterIsInEveryLogit(HfFamily family) {
        TestCheckpoint model = tiny(family);
        String router = model.values.keySet().stream()
                .filter(n -> n.matches("model.layers.1.*(gate|router.layer).weight") && !n.contains("shared"))
                .findFirst().orElseThrow();
        float[] weights = model.values.get(router);
        for (int expert = 0; expert < 5; expert++) {
            float before = weights[expert * 24 + 2];
            weights[expert * 24 + 2] = Float.NaN;
            Opened opened = open(model.write(temp));
            weights[expert * 24 + 2] = before;
            assertThat(opened.logits()).as("expert %d", expert).containsOnly(Double.NaN);
        }
    }

    static ObjectNode json(String text) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
