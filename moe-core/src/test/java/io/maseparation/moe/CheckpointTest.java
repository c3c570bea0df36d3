package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.testing.HfMini;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole checkpoints: names and rules of every family, and what is said of those that contradict themselves. */
class CheckpointTest {
    private static final int[] TOKENS = {3, 17, 39, 0, 8, 8, 21, 5, 30, 11, 2};

    @TempDir
    Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "mixtral    | {}",
        "mixtral    | {\"head_dim\": 10, \"sliding_window\": 4, \"rope_theta\": 500, \"rope_parameters\": null}",
        "mixtral    | {\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.5}, \"rope_theta\": 100}",
        "olmoe      | {\"num_experts\": 6, \"num_experts_per_tok\": 3, \"num_key_value_heads\": 4}",
        "olmoe      | {\"clip_qkv\": 0.5, \"norm_topk_prob\": true, \"attention_bias\": true}",
        "qwen2_moe  | {\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 28, \"num_experts\": 5}",
        "qwen2_moe  | {\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8, \"norm_topk_prob\": true,"
                + " \"decoder_sparse_step\": 2}",
        "qwen2_moe  | {\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8, \"mlp_only_layers\": [1],"
                + " \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 2}",
        "qwen3_moe  | {\"moe_intermediate_size\": 12, \"head_dim\": 8, \"norm_topk_prob\": true}",
        "qwen3_moe  | {\"moe_intermediate_size\": 12, \"head_dim\": 8, \"mlp_only_layers\": [0],"
                + " \"attention_bias\": true, \"tie_word_embeddings\": true}",
        "qwen3_moe  | {\"moe_intermediate_size\": 12, \"use_sliding_window\": true, \"sliding_window\": 3}",
        "granitemoe | {}",
        "granitemoe | {\"embedding_multiplier\": 4.5, \"residual_multiplier\": 0.25, \"attention_multiplier\": 0.0625,"
                + " \"logits_scaling\": 6.5, \"attention_bias\": true, \"tie_word_embeddings\": true}",
    })
    void everyFamilyIsComputedAsItsModulesDo(String family, String fields) {
        for (String type : new String[] {"F32", "F16", "BF16"}) {
            TestCheckpoint model = TestCheckpoint.of(family, fields, 42).type(type);
            double[][] expected = new HfMini(model, TOKENS.length).forward(TOKENS);
            try (Checkpoint checkpoint = Checkpoint.open(model.write(temp.resolve(type)))) {
                double[][] logits = new Reference(checkpoint.weights()).forward(TOKENS);
                assertThat(checkpoint.config().weightType().name()).isEqualTo(type);
                assertThat(checkpoint.weights().bytes()).isEqualTo(ModelSize.of(checkpoint.config()).weightBytes());
                assertThat(checkpoint.tokenizer()).isEmpty();
                for (int t = 0; t < TOKENS.length; t++) {
                    for (int v = 0; v < expected[t].length; v++) {
                        assertThat(logits[t][v]).as("%s position %d", type, t).isCloseTo(expected[t][v], within(1e-5));
                    }
                }
                assertThat(Arrays.stream(expected[TOKENS.length - 1]).max().orElseThrow()).isGreaterThan(0.01);
            }
        }
    }

    @Test
    void expertsStackedInOneTensorAreTheSameExperts() {
        TestCheckpoint model = TestCheckpoint.of("qwen3_moe", "{\"moe_intermediate_size\": 12}", 7);
        double[][] expected = new HfMini(model, TOKENS.length).forward(TOKENS);
        int experts = model.experts();
        for (int l = 0; l < 3; l++) {
            String p = "model.layers." + l + ".mlp.experts.";
            float[] gateUp = new float[experts * 24 * 24];
            float[] down = new float[experts * 24 * 12];
            for (int e = 0; e < experts; e++) {
                copy(model, p + e + ".gate_proj.weight", gateUp, e * 24 * 24);
                copy(model, p + e + ".up_proj.weight", gateUp, (e * 24 + 12) * 24);
                copy(model, p + e + ".down_proj.weight", down, e * 24 * 12);
            }
            model.values.put(p + "gate_up_proj", gateUp);
            model.shapes.put(p + "gate_up_proj", new long[] {experts, 24, 24});
            model.values.put(p + "down_proj", down);
            model.shapes.put(p + "down_proj", new long[] {experts, 24, 12});
        }
        try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
            double[][] logits = new Reference(checkpoint.weights()).forward(TOKENS);
            assertThat(logits[10]).containsExactly(expected[10], within(1e-5));
        }
    }

    private static void copy(TestCheckpoint model, String name, float[] to, int at) {
        float[] from = model.values.remove(name);
        System.arraycopy(from, 0, to, at, from.length);
    }

    @Test
    void matricesMayDifferInType() {
        TestCheckpoint model = TestCheckpoint.of("mixtral", "{}", 3);
        double[][] expected = new HfMini(model, TOKENS.length).forward(TOKENS);
        SafetensorsWriter writer = model.writeConfig(temp).writer();
        String name = "model.layers.1.block_sparse_moe.experts.2.w2.weight";
        writer.add(name, "BF16", model.values.get(name), model.shapes.get(name));
        writer.add("lm_head.weight", "F16", model.values.get("lm_head.weight"), 40, 24);
        writer.writeSharded(temp, 4);
        try (Checkpoint checkpoint = Checkpoint.open(temp)) {
            ModelWeights weights = checkpoint.weights();
            assertThat(weights.layers().get(1).experts().get(2).down().type()).isEqualTo(DataType.BF16);
            assertThat(weights.output().type()).isEqualTo(DataType.F16);
            assertThat(new Reference(weights).forward(TOKENS)[5]).containsExactly(expected[5], within(1e-5));
        }
    }

    @Test
    void graniteExpertsAreViewsOfOneMapping() {
        TestCheckpoint model = TestCheckpoint.of("granitemoe", "{}", 3);
        try (Checkpoint checkpoint = Checkpoint.open(model.write(temp))) {
            LayerWeights layer = checkpoint.weights().layers().getFirst();
            assertThat(checkpoint.copiedBytes()).isZero();
            assertThat(layer.experts()).hasSize(5).allSatisfy(e -> {
                assertThat(e.gate().data()).isSameAs(e.up().data()).isSameAs(layer.experts().getFirst().up().data());
                assertThat(e.up().offset()).isEqualTo(e.gate().offset() + 20 * 24);
            });
            assertThat(checkpoint.config().layers().getFirst().routing().rule())
                    .isEqualTo(Routing.Rule.TOP_K_THEN_SOFTMAX);
        }
    }

    @Test
    void complainsOfWhatIsMissing() {
        assertComplains(() -> Checkpoint.open(temp.resolve("gone")), "gone", "no such folder");
        assertComplains(() -> Checkpoint.open(temp), "config.json", "no such file");
        TestCheckpoint.of("mixtral", "{}", 1).writeConfig(temp);
        assertComplains(() -> Checkpoint.open(temp), "neither model.safetensors nor");
    }

    @Test
    void complainsOfEachTensorThatIsMissingOrOfAnotherTypeOrShape() {
        TestCheckpoint model = TestCheckpoint.of(
                "qwen2_moe",
                "{\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8, \"num_hidden_layers\": 1}",
                1);
        model.writeConfig(temp);
        for (String name : model.writer().names()) {
            complains(model, w -> w.remove(name), name, "is missing");
            complains(model, w -> w.addRaw(name, "I32", new byte[4], 1), name, "dtype I32 is not supported");
            complains(model, w -> w.add(name, "F32", new float[6], 3, 2), name, "has shape [3, 2], config.json says",
                    "hidden");
        }
    }

    private void complains(TestCheckpoint model, UnaryOperator<SafetensorsWriter> damage, String... mentioned) {
        damage.apply(model.writer()).write(temp.resolve("model.safetensors"));
        String[] all = Arrays.copyOf(mentioned, mentioned.length + 1);
        all[mentioned.length] = "model.safetensors: tensor";
        if (mentioned[mentioned.length - 1].equals("hidden")) {
            all[mentioned.length - 1] = "(";
        }
        assertComplains(() -> Checkpoint.open(temp), all);
    }

    @Test
    void complainsOfAConfigurationThatTheTensorsContradict() {
        TestCheckpoint model = TestCheckpoint.of("mixtral", "{}", 1);
        model.write(temp);
        model.config.put("num_local_experts", 6);
        model.writeConfig(temp);
        assertComplains(() -> Checkpoint.open(temp), "block_sparse_moe.gate.weight has shape [5, 24]", "[6, 24]");
        model.config.put("num_local_experts", 5).put("num_hidden_layers", 4);
        model.writeConfig(temp);
        assertComplains(() -> Checkpoint.open(temp), "tensor model.layers.3.", "is missing");
    }

    /**
     * What is not a file may have no end: a pipe that nobody writes into is not even opened. Neither it nor a folder
     * nor a link to nothing is taken for a file that is not there.
     */
    @ParameterizedTest
    @ValueSource(strings = {"config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json",
        "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "quantize_config.json",
        "hf_quant_config.json",
        "adapter_config.json", "model.safetensors", "model.safetensors.index.json"})
    void whatIsNotAFileIsComplainedOf(String name) throws IOException, InterruptedException {
        TestCheckpoint.of("mixtral", "{}", 1).write(temp);
        Path file = temp.resolve(name);
        if (name.endsWith(".index.json")) {
            Files.delete(temp.resolve("model.safetensors"));
        }
        Files.deleteIfExists(file);
        assertNotAFile(name, "a folder", () -> Files.createDirectory(file));
        assertNotAFile(name, "a link that leads to nothing", () -> Files.createSymbolicLink(file, Path.of("nothing")));
        assertNotAFile(name, "levels of symbolic links", () -> Files.createSymbolicLink(file, Path.of(name)));
        Process pipe = new ProcessBuilder("mkfifo", file.toString()).start();
        assumeTrue(pipe.waitFor() == 0, "no mkfifo here");
        assertNotAFile(name, "a pipe or a device", () -> file);
    }

    private interface Making {
        Path make() throws IOException;
    }

    private void assertNotAFile(String name, String what, Making making) throws IOException {
        Path file = making.make();
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            assertComplains(() -> Checkpoint.open(temp), name,
                    name.startsWith("adapter") ? "adapter" : what);
            if (name.equals("generation_config.json")) {
                assertComplains(() -> Sampler.read(temp, false), name);
            }
            if (name.matches("tokenizer_config.*|special.*|chat.*")) {
                assertComplains(() -> TokenizerConfig.read(temp), name);
            }
        });
        Files.delete(file);
    }
}
