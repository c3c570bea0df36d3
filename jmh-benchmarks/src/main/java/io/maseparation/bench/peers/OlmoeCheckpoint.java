package io.maseparation.bench.peers;

import io.maseparation.files.Json;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Weights of a model of the family olmoe as Hugging Face keeps them: config.json, and all in one format in a file. */
final class OlmoeCheckpoint {
    /** What safetensors makes the length of a header a multiple of. */
    private static final int ALIGNMENT = 8;

    private final ModelWeights weights;
    private final DataType type;
    private final List<StoredTensor> tensors = new ArrayList<>();

    private OlmoeCheckpoint(ModelWeights weights) {
        this.weights = weights;
        type = weights.config().weightType();
    }

    /** Writes a checkpoint into a folder; vectors are rounded to the format of the matrices. */
    static void write(ModelWeights weights, Path folder) throws IOException {
        ModelConfig config = weights.config();
        OlmoeGguf.check(config);
        Files.writeString(folder.resolve("config.json"), Json.write(fields(config)));
        OlmoeCheckpoint checkpoint = new OlmoeCheckpoint(weights);
        checkpoint.collect();
        checkpoint.write(folder.resolve("model.safetensors"));
    }

    private static Map<String, Object> fields(ModelConfig config) {
        ModelConfig.Layer layer = config.layers().getFirst();
        return new TreeMap<>(Map.ofEntries(
                Map.entry("model_type", "olmoe"),
                Map.entry("architectures", List.of("OlmoeForCausalLM")),
                Map.entry("vocab_size", config.vocab()),
                Map.entry("hidden_size", config.hidden()),
                Map.entry("num_hidden_layers", config.layers().size()),
                Map.entry("num_attention_heads", config.heads()),
                Map.entry("num_key_value_heads", config.kvHeads()),
                Map.entry("max_position_embeddings", config.maxPositions()),
                Map.entry("rope_theta", config.attention().rope().theta()),
                Map.entry("rms_norm_eps", config.normEps()),
                Map.entry("hidden_act", "silu"),
                Map.entry("intermediate_size", layer.expertWidth()),
                Map.entry("num_experts", layer.routing().experts()),
                Map.entry("num_experts_per_tok", layer.routing().topK()),
                Map.entry("norm_topk_prob", false),
                Map.entry("tie_word_embeddings", false),
                Map.entry("torch_dtype", switch (config.weightType()) {
                    case F32 -> "float32";
                    case F16 -> "float16";
                    case BF16 -> "bfloat16";
                })));
    }

    private void collect() {
        int hidden = weights.config().hidden();
        tensors.add(StoredTensor.of("model.embed_tokens.weight", weights.embedding()));
        for (int i = 0; i < weights.layers().size(); i++) {
            layer("model.layers." + i + ".", weights.layers().get(i), hidden);
        }
        tensors.add(StoredTensor.of("model.norm.weight", weights.finalNorm(), type, hidden));
        tensors.add(StoredTensor.of("lm_head.weight", weights.output()));
    }

    private void layer(String prefix, LayerWeights layer, int hidden) {
        LayerWeights.Attention attention = layer.attention();
        String self = prefix + "self_attn.";
        tensors.add(StoredTensor.of(prefix + "input_layernorm.weight", layer.inputNorm(), type, hidden));
        tensors.add(StoredTensor.of(self + "q_proj.weight", attention.q()));
        tensors.add(StoredTensor.of(self + "k_proj.weight", attention.k()));
        tensors.add(StoredTensor.of(self + "v_proj.weight", attention.v()));
        tensors.add(StoredTensor.of(self + "o_proj.weight", attention.o()));
        tensors.add(StoredTensor.of(
                self + "q_norm.weight", Objects.requireNonNull(attention.qNorm()), type, attention.q().rows()));
        tensors.add(StoredTensor.of(
                self + "k_norm.weight", Objects.requireNonNull(attention.kNorm()), type, attention.k().rows()));
        tensors.add(StoredTensor.of(prefix + "post_attention_layernorm.weight", layer.postNorm(), type, hidden));
        tensors.add(StoredTensor.of(
                prefix + "mlp.gate.weight", Objects.requireNonNull(layer.router()), type, layer.experts().size(),
                hidden));
        for (int e = 0; e < layer.experts().size(); e++) {
            ExpertWeights expert = layer.experts().get(e);
            String of = prefix + "mlp.experts." + e + ".";
            tensors.add(StoredTensor.of(of + "gate_proj.weight", Objects.requireNonNull(expert.gate())));
            tensors.add(StoredTensor.of(of + "up_proj.weight", expert.up()));
            tensors.add(StoredTensor.of(of + "down_proj.weight", expert.down()));
        }
    }

    private void write(Path path) throws IOException {
        Map<String, Object> entries = new LinkedHashMap<>();
        long offset = 0;
        for (StoredTensor tensor : tensors) {
            long end = offset + tensor.bytes();
            entries.put(tensor.name(), new TreeMap<>(Map.of(
                    "dtype", tensor.type().name(), "shape", tensor.shape(), "data_offsets", List.of(offset, end))));
            offset = end;
        }
        String json = Json.write(entries).strip();
        byte[] header = (json + " ".repeat(Math.floorMod(-json.length(), ALIGNMENT)))
                .getBytes(StandardCharsets.US_ASCII);
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length).put(header).flip();
            while (start.hasRemaining()) {
                file.write(start);
            }
            for (StoredTensor tensor : tensors) {
                tensor.write(file);
            }
        }
    }
}
