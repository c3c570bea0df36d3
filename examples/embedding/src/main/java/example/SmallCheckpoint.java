package example;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes a Mixtral with random weights, a tokenizer of a hundred words and a chat template: nothing to download. */
final class SmallCheckpoint {
    private static final int WORDS = 100;
    private static final int HIDDEN = 32;
    private static final int WIDTH = 24;
    private static final int LAYERS = 2;
    private static final int EXPERTS = 4;

    private final Random random = new Random(1);
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final List<String> header = new ArrayList<>();

    private SmallCheckpoint() {}

    /**
     * {@return the folder, which is the one given}
     *
     * @param folder an empty folder
     */
    static Path write(Path folder) throws IOException {
        Files.writeString(folder.resolve("config.json"), """
                {"model_type": "mixtral", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
                 "num_local_experts": %d, "num_experts_per_tok": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "vocab_size": %d, "max_position_embeddings": 1024, "rms_norm_eps": 1e-6, "hidden_act": "silu",
                 "eos_token_id": null, "bos_token_id": null, "tie_word_embeddings": false, "dtype": "float32",
                 "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}
                """.formatted(HIDDEN, WIDTH, LAYERS, EXPERTS, WORDS));
        String words = IntStream.range(0, WORDS)
                .mapToObj(i -> "\"%s\": %d".formatted(
                        switch (i) {
                            case 0 -> "system";
                            case 1 -> "user";
                            case 2 -> "assistant";
                            default -> "w" + i;
                        }, i))
                .collect(Collectors.joining(", "));
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w3"}}
                """.formatted(words));
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": \
                "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}assistant"}
                """);
        new SmallCheckpoint().weights(folder.resolve("model.safetensors"));
        return folder;
    }

    private void weights(Path file) throws IOException {
        tensor("model.embed_tokens.weight", WORDS, HIDDEN);
        for (int layer = 0; layer < LAYERS; layer++) {
            String prefix = "model.layers." + layer + ".";
            tensor(prefix + "input_layernorm.weight", HIDDEN);
            tensor(prefix + "self_attn.q_proj.weight", HIDDEN, HIDDEN);
            tensor(prefix + "self_attn.k_proj.weight", HIDDEN / 2, HIDDEN);
            tensor(prefix + "self_attn.v_proj.weight", HIDDEN / 2, HIDDEN);
            tensor(prefix + "self_attn.o_proj.weight", HIDDEN, HIDDEN);
            tensor(prefix + "post_attention_layernorm.weight", HIDDEN);
            tensor(prefix + "block_sparse_moe.gate.weight", EXPERTS, HIDDEN);
            for (int expert = 0; expert < EXPERTS; expert++) {
                String matrix = prefix + "block_sparse_moe.experts." + expert + ".w";
                tensor(matrix + "1.weight", WIDTH, HIDDEN);
                tensor(matrix + "2.weight", HIDDEN, WIDTH);
                tensor(matrix + "3.weight", WIDTH, HIDDEN);
            }
        }
        tensor("model.norm.weight", HIDDEN);
        tensor("lm_head.weight", WORDS, HIDDEN);

        byte[] text = "{%s}".formatted(String.join(", ", header)).getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + text.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(text.length).put(text).put(data.toByteArray());
        Files.write(file, bytes.array());
    }

    /** A matrix of random values, or ones where there is a single dimension: a norm. */
    private void tensor(String name, int... shape) {
        int elements = IntStream.of(shape).reduce(1, Math::multiplyExact);
        ByteBuffer values = ByteBuffer.allocate(elements * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < elements; i++) {
            values.putFloat(shape.length == 1 ? 1 : (float) (random.nextGaussian() / Math.sqrt(shape[1])));
        }
        header.add("\"%s\": {\"dtype\": \"F32\", \"shape\": %s, \"data_offsets\": [%d, %d]}".formatted(
                name, IntStream.of(shape).boxed().toList(), data.size(), data.size() + values.capacity()));
        data.writeBytes(values.array());
    }
}
