package io.maseparation.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.files.ModelException;
import io.maseparation.moe.testing.Fuzz;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Whatever the files of a checkpoint say, opening it gives a model whose numbers can be computed, or a complaint of one
 * line; it takes little of the heap for what is only claimed, and reads nothing by a name that leads elsewhere.
 */
class CheckpointFuzzTest {
    private static final int[] TOKENS = {3, 17, 5};
    private static final List<String> SHARDS = List.of(
            "one.safetensors", "two.safetensors", "../outside.safetensors", "", ".", "..", "./one.safetensors",
            "one.safetensors/", "folder", "folder/../one.safetensors", "folder/../../outside.safetensors", "gone",
            "/etc/passwd", "/dev/zero", "self", "dangling", "linked", "broken.safetensors", "config.json", "\\u0000",
            "con\\n", "~/x", "file:///etc/passwd", "x".repeat(5000), "\\ud800", "C:\\\\x", "//host/x");

    private static Path temp;
    private static Path folder;

    @BeforeContainer
    static void create() throws IOException {
        temp = Files.createTempDirectory("checkpoint-fuzz");
        folder = Files.createDirectories(temp.resolve("model"));
        Files.createDirectories(folder.resolve("folder"));
        new SafetensorsWriter().add("a", "F32", new float[] {1, 2}, 2).add("b", "BF16", new float[] {3}, 1)
                .write(folder.resolve("one.safetensors"));
        new SafetensorsWriter().add("c", "F16", new float[] {1, 2}, 1, 2).add("a", "F32", new float[] {7}, 1)
                .write(folder.resolve("two.safetensors"));
        new SafetensorsWriter().add("a", "F32", new float[] {4, 5, 6}, 3).write(temp.resolve("outside.safetensors"));
        SafetensorsWriter.text(folder.resolve("broken.safetensors"), "no tensors");
        Files.createSymbolicLink(folder.resolve("self"), Path.of("self"));
        Files.createSymbolicLink(folder.resolve("dangling"), Path.of("gone"));
        Files.createSymbolicLink(folder.resolve("linked"), Path.of("../outside.safetensors"));
    }

    @AfterContainer
    static void delete() throws IOException {
        try (var files = Files.walk(temp)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    private static void assertOneLine(ModelException e, String what) {
        assertThat(e.getMessage()).as(what).matches("[^\\p{Cntrl}]{1,480}");
    }

    @Property(tries = 400)
    void indexes(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        for (int i = 0; i < Fuzz.TIMES; i++) {
            StringBuilder map = new StringBuilder("{");
            for (int k = random.nextInt(4); k > 0; k--) {
                String shard = SHARDS.get(random.nextInt(random.nextBoolean() ? 2 : SHARDS.size()));
                map.append('"').append("abcd".charAt(random.nextInt(4))).append("\": ")
                        .append(random.nextInt(8) == 0 ? Fuzz.value(random) : "\"" + shard + "\"")
                        .append(k > 1 ? ", " : "");
            }
            String text = "{\"metadata\": {\"total_size\": 1e99}, \"weight_map\": " + map.append("}}");
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            SafetensorsWriter.bytes(
                    folder.resolve(Safetensors.INDEX), random.nextInt(4) == 0 ? Fuzz.damaged(bytes, random) : bytes);
            assertThat(Fuzz.allocated(() -> openIndex(text))).as(text).isLessThan(Fuzz.MOST_BYTES);
        }
        Files.delete(folder.resolve(Safetensors.INDEX));
    }

    /** Links are followed, as Hugging Face's cache needs it; names are not. */
    private static void openIndex(String text) {
        try (Safetensors tensors = Safetensors.open(folder)) {
            for (String name : tensors.names()) {
                Path file = tensors.info(name).file();
                assertThat(file.normalize()).as(text).isEqualTo(file).startsWithRaw(folder);
                assertThat(tensors.floats(name)).as(text).hasSize((int) tensors.info(name).elements());
            }
        } catch (ModelException e) {
            assertOneLine(e, text);
        }
    }

    /** What a file has, not what it claims, decides how much is read. */
    @Property(tries = 1)
    void longAndEndlessFiles() throws IOException {
        Path file = folder.resolve("config.json");
        for (long length : new long[] {65L << 20, 1L << 40}) {
            try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
                sparse.setLength(length);
            }
            assertThat(Fuzz.allocated(() -> assertThatThrownBy(() -> HfConfig.read(folder))
                    .isInstanceOf(ModelException.class).hasMessageContaining("too much for a JSON file")))
                    .isLessThan(Fuzz.MOST_BYTES);
            Files.delete(file);
        }
        Path endless = Path.of("/dev/zero");
        if (Files.exists(endless)) {
            Files.createSymbolicLink(file, endless);
            assertThat(Fuzz.allocated(() -> assertThatThrownBy(() -> HfConfig.read(folder))
                    .isInstanceOf(ModelException.class).hasMessageContaining("not a file")))
                    .isLessThan(Fuzz.MOST_BYTES);
            Files.delete(file);
        }
        SafetensorsWriter.text(file, "[".repeat(200_000));
        assertThatThrownBy(() -> HfConfig.read(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining("nesting depth").hasMessageNotContaining("StreamReadConstraints");
        Files.delete(file);
    }

    /** Fields that any family reads, and some that none does. */
    private static List<String> fields(ObjectNode config) {
        TreeSet<String> fields = new TreeSet<>(List.of(
                "head_dim", "tie_word_embeddings", "num_experts", "num_key_value_heads", "sliding_window",
                "use_sliding_window", "max_window_layers", "layer_types", "rope_theta", "rope_scaling",
                "attention_bias",
                "norm_topk_prob", "mlp_only_layers", "decoder_sparse_step", "clip_qkv", "qkv_bias", "torch_dtype",
                "shared_expert_intermediate_size", "moe_intermediate_size", "partial_rotary_factor", "eos_token_id",
                "quantization_config", "embedding_multiplier", "logits_scaling", "residual_multiplier",
                "attention_multiplier", "position_embedding_type", "router_aux_loss_coef"));
        config.fieldNames().forEachRemaining(fields::add);
        return List.copyOf(fields);
    }

    @Property(tries = 400)
    void configurations(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        for (int i = 0; i < Fuzz.TIMES; i++) {
            HfFamily family = HfFamily.values()[random.nextInt(HfFamily.values().length)];
            TestCheckpoint model = TestCheckpoint.of(family.modelType,
                    family.qwen() ? "{\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 8}" : "{}",
                    1);
            model.write(folder);
            List<String> fields = fields(model.config);
            String text = model.config.toString();
            for (int k = 1 + random.nextInt(2); k > 0; k--) {
                String field = fields.get(random.nextInt(fields.size()));
                model.config.remove(field);
                text = model.config.toString();
                String value = random.nextInt(3) > 0 || !field.startsWith("rope") ? Fuzz.value(random) : rope(random);
                text = "{\"" + field + "\": " + value + ", " + text.substring(1);
                if (k > 1) {
                    try {
                        model.config.removeAll().setAll((ObjectNode) new ObjectMapper().readTree(text));
                    } catch (IOException | ClassCastException e) {
                        break;
                    }
                }
            }
            String written = text;
            SafetensorsWriter.text(folder.resolve("config.json"), written);
            assertThat(Fuzz.allocated(() -> compute(written))).as(written).isLessThan(Fuzz.MOST_BYTES);
        }
        Files.delete(folder.resolve("config.json"));
        Files.delete(folder.resolve(Safetensors.SINGLE));
    }

    private static String rope(Random random) {
        List<String> types = List.of("default", "linear", "dynamic", "yarn", "llama3", "longrope", "su");
        StringBuilder rope = new StringBuilder("{\"rope_type\": \"" + types.get(random.nextInt(types.size())) + "\"");
        for (String field : List.of("rope_theta", "factor", "original_max_position_embeddings", "attention_factor",
                "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
                "short_factor", "long_factor", "partial_rotary_factor", "truncate")) {
            if (random.nextInt(3) > 0) {
                rope.append(", \"").append(field).append("\": ").append(field.endsWith("t_factor")
                        || field.equals("long_factor")
                                ? "[1, 1, 2]"
                                : random.nextInt(3) > 0 ? "4" : Fuzz.value(random));
            }
        }
        return rope.append('}').toString();
    }

    /** Numbers need not be finite: the configuration may well make them too large. */
    private static void compute(String text) {
        List<String> lines = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(folder, lines::add)) {
            assertThat(new Reference(checkpoint.weights()).forward(TOKENS)).as(text).hasDimensions(TOKENS.length, 40);
        } catch (ModelException e) {
            assertOneLine(e, text);
        }
        assertThat(lines).as(text).allSatisfy(line -> assertThat(line).matches("[^\\p{Cntrl}]{1,480}"));
        try {
            HfConfig.plan(folder, lines::add);
        } catch (ModelException e) {
            assertOneLine(e, text);
        }
    }
}
