package io.maseparation.moe.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A tiny checkpoint of any family with random weights, written as transformers writes it. Configuration and tensors may
 * be changed before it is written.
 */
public final class TestCheckpoint {
    /** config.json. */
    public final ObjectNode config;
    /** Values of each tensor, row-major, exactly representable in the type they are written in. */
    public final Map<String, float[]> values = new LinkedHashMap<>();
    /** Shape of each tensor. */
    public final Map<String, long[]> shapes = new LinkedHashMap<>();

    private final SplittableRandom random;
    private String type = "F32";

    private TestCheckpoint(ObjectNode config, long seed) {
        this.config = config;
        this.random = new SplittableRandom(seed);
    }

    /**
     * A checkpoint of a family: {@code config} has the fields that every tiny model here shares, and the given ones on
     * top.
     *
     * @param family model_type
     * @param more JSON object of further fields, which replace those of the same name
     */
    public static TestCheckpoint of(String family, String more, long seed) {
        try {
            ObjectMapper json = new ObjectMapper();
            ObjectNode config = (ObjectNode) json.readTree("""
                    {"hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3,
                     "vocab_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "intermediate_size": 20,
                     "num_experts_per_tok": 2, "num_local_experts": 5, "hidden_act": "silu",
                     "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "dtype": "float32"}""");
            config.put("model_type", family);
            ObjectNode fields = (ObjectNode) json.readTree(more);
            if (fields.has("num_experts")) {
                config.remove("num_local_experts");
            }
            config.setAll(fields);
            TestCheckpoint checkpoint = new TestCheckpoint(config, seed);
            checkpoint.fill();
            return checkpoint;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The type that large and small tensors are written in: F32, F16 or BF16. */
    public TestCheckpoint type(String value) {
        type = value;
        return this;
    }

    /** The value of a whole-number field. */
    public int field(String name, int absent) {
        return config.hasNonNull(name) ? config.get(name).intValue() : absent;
    }

    /** Whether a flag is set. */
    public boolean flag(String name) {
        return config.path(name).asBoolean(false);
    }

    /** Number of routed experts, by either name. */
    public int experts() {
        return field("num_experts", field("num_local_experts", 0));
    }

    /** Whether a layer routes. */
    public boolean sparse(int layer) {
        for (var dense : config.path("mlp_only_layers")) {
            if (dense.intValue() == layer) {
                return false;
            }
        }
        return (layer + 1) % field("decoder_sparse_step", 1) == 0;
    }

    private void fill() {
        String family = config.get("model_type").textValue();
        int hidden = field("hidden_size", 0);
        int dim = field("head_dim", hidden / field("num_attention_heads", 1));
        int q = dim * field("num_attention_heads", 0);
        int kv = dim * field("num_key_value_heads", 0);
        boolean qkvBias = family.equals("qwen2_moe") || flag("attention_bias");
        add("model.embed_tokens.weight", field("vocab_size", 0), hidden);
        for (int l = 0; l < field("num_hidden_layers", 0); l++) {
            String p = "model.layers." + l + ".";
            add(p + "input_layernorm.weight", hidden);
            add(p + "post_attention_layernorm.weight", hidden);
            for (String name : new String[] {"q", "k", "v"}) {
                add(p + "self_attn." + name + "_proj.weight", name.equals("q") ? q : kv, hidden);
                if (qkvBias) {
                    add(p + "self_attn." + name + "_proj.bias", name.equals("q") ? q : kv);
                }
            }
            add(p + "self_attn.o_proj.weight", hidden, q);
            if (flag("attention_bias")) {
                add(p + "self_attn.o_proj.bias", hidden);
            }
            if (family.equals("qwen3_moe") || family.equals("olmoe")) {
                boolean whole = family.equals("olmoe");
                add(p + "self_attn.q_norm.weight", whole ? q : dim);
                add(p + "self_attn.k_norm.weight", whole ? kv : dim);
            }
            feedForward(family, p, l, hidden);
        }
        add("model.norm.weight", hidden);
        if (!flag("tie_word_embeddings")) {
            add("lm_head.weight", field("vocab_size", 0), hidden);
        }
    }

    private void feedForward(String family, String p, int layer, int hidden) {
        int width = field("intermediate_size", 0);
        if (family.equals("granitemoe")) {
            add(p + "block_sparse_moe.router.layer.weight", experts(), hidden);
            add(p + "block_sparse_moe.input_linear.weight", experts(), 2L * width, hidden);
            add(p + "block_sparse_moe.output_linear.weight", experts(), hidden, width);
        } else if (family.equals("mixtral")) {
            add(p + "block_sparse_moe.gate.weight", experts(), hidden);
            for (int e = 0; e < experts(); e++) {
                String expert = p + "block_sparse_moe.experts." + e;
                add(expert + ".w1.weight", width, hidden);
                add(expert + ".w2.weight", hidden, width);
                add(expert + ".w3.weight", width, hidden);
            }
        } else if (!sparse(layer)) {
            mlp(p + "mlp.", width, hidden);
        } else {
            add(p + "mlp.gate.weight", experts(), hidden);
            for (int e = 0; e < experts(); e++) {
                mlp(p + "mlp.experts." + e + ".", field("moe_intermediate_size", width), hidden);
            }
            if (family.equals("qwen2_moe")) {
                mlp(p + "mlp.shared_expert.", field("shared_expert_intermediate_size", 0), hidden);
                add(p + "mlp.shared_expert_gate.weight", 1, hidden);
            }
        }
    }

    private void mlp(String prefix, int width, int hidden) {
        add(prefix + "gate_proj.weight", width, hidden);
        add(prefix + "up_proj.weight", width, hidden);
        add(prefix + "down_proj.weight", hidden, width);
    }

    private void add(String name, long... shape) {
        int n = 1;
        for (long dimension : shape) {
            n *= (int) dimension;
        }
        float[] data = new float[n];
        for (int i = 0; i < n; i++) {
            // Multiples of 1/64 in (-1, 1) are exact in every type.
            data[i] = (random.nextInt(127) - 63) / 64f * (shape.length > 1 ? 0.5f : 1f);
            if (name.endsWith("norm.weight")) {
                data[i] = 1 + data[i] / 2;
            }
        }
        values.put(name, data);
        shapes.put(name, shape);
    }

    /** The tensors, ready to be written. */
    public SafetensorsWriter writer() {
        SafetensorsWriter writer = new SafetensorsWriter();
        values.forEach((name, data) -> writer.add(name, type, data, shapes.get(name)));
        return writer;
    }

    /** Writes config.json. */
    public TestCheckpoint writeConfig(Path folder) {
        SafetensorsWriter.text(folder.resolve("config.json"), config.toString());
        return this;
    }

    /** Writes the checkpoint with one file of tensors. */
    public Path write(Path folder) {
        writeConfig(folder);
        writer().write(folder.resolve("model.safetensors"));
        return folder;
    }
}
