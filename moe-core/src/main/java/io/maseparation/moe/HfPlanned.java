package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.Attention;
import io.maseparation.moe.ModelConfig.FeedForward;
import io.maseparation.moe.ModelConfig.Heads;
import io.maseparation.moe.ModelConfig.Layer;
import io.maseparation.moe.ModelConfig.Numerics;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelConfig.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Reads the config.json of families that nothing here runs: shapes, by which they can be planned and simulated. How a
 * router scores, and which groups of experts it may choose from, changes no count and is not read; layers that predict
 * more than one token are left out.
 */
final class HfPlanned {
    private static final int MOST = 1 << 24;
    private static final int MOST_LAYERS = 10_000;
    private static final List<String> TYPES = List.of(
            "deepseek_v2", "deepseek_v3", "kimi_k2", "gpt_oss", "glm4_moe", "ernie4_5_moe", "granitemoeshared");

    private final JsonFile json;
    private final String family;

    private HfPlanned(JsonFile json) {
        this.json = json;
        family = json.text("model_type", "");
    }

    /** Whether a model type is one of these. */
    static boolean has(String modelType) {
        return TYPES.contains(modelType);
    }

    /** Names of the families, as in a list. */
    static String names() {
        return String.join(", ", TYPES);
    }

    /**
     * Shape of a model.
     *
     * @param name what to call it
     * @param numerics its formats
     * @param warnings takes a line about everything that is left out
     */
    static ModelConfig read(JsonFile json, String name, Numerics numerics, Consumer<String> warnings) {
        ModelConfig config = new HfPlanned(json).config(name, numerics);
        HfUnread.warnPlanned(json, warnings);
        return config;
    }

    private ModelConfig config(String name, Numerics numerics) {
        int hidden = integer("hidden_size");
        boolean biases = family.equals("gpt_oss");
        boolean attentionBias = json.flag("attention_bias", biases);
        boolean latent = isLatent();
        if (latent && attentionBias) {
            throw json.fail("attention_bias", "is not understood of " + family);
        }
        Heads heads = latent ? latentHeads() : heads(hidden, biases);
        return new ModelConfig(
                name, family, hidden,
                new Vocabulary(integer("vocab_size"), json.flag("tie_word_embeddings", false), List.of()),
                new Attention(
                        heads, positions(json, integer("max_position_embeddings")), new Rope(10_000, 1),
                        (float) (1 / Math.sqrt(heads.dim())),
                        family.equals("glm4_moe") && json.flag("use_qk_norm", false) ? QkNorm.PER_HEAD : QkNorm.NONE,
                        attentionBias || json.flag("use_bias", false), biases && attentionBias, 0),
                new FeedForward(
                        Activation.SILU, true, biases, !family.equals("deepseek_v2") && !family.startsWith("granite")),
                numerics,
                layers());
    }

    /**
     * Longest context of a model: a scaled rotary embedding may reach beyond what config.json says of positions.
     *
     * @param stated what it says
     */
    static int positions(JsonFile json, int stated) {
        int longest = stated;
        for (String field : List.of("rope_scaling", "rope_parameters")) {
            JsonFile rope = json.object(field);
            if (rope.has("factor") && rope.has("original_max_position_embeddings")) {
                longest = (int) Math.clamp(
                        rope.number("factor", 1) * rope.integer("original_max_position_embeddings", 1, 1 << 30),
                        longest, 1 << 30);
            }
        }
        return longest;
    }

    private int integer(String field) {
        return json.integer(field, 1, MOST);
    }

    private int count(String field, int absent) {
        return json.integer(field, absent, 0, MOST);
    }

    private boolean isLatent() {
        return family.startsWith("deepseek") || family.equals("kimi_k2");
    }

    private Heads latentHeads() {
        int plain = integer("qk_nope_head_dim");
        int rotated = integer("qk_rope_head_dim");
        Latent latent = new Latent(
                count("q_lora_rank", 0), integer("kv_lora_rank"), rotated, plain, integer("v_head_dim"));
        return new Heads(integer("num_attention_heads"), 1, plain + rotated, false, Optional.of(latent));
    }

    private Heads heads(int hidden, boolean sinks) {
        int heads = integer("num_attention_heads");
        int kvs = json.integer("num_key_value_heads", heads, 1, MOST);
        if (heads % kvs != 0) {
            throw json.fail("num_key_value_heads", "%d does not divide num_attention_heads %d".formatted(kvs, heads));
        }
        return new Heads(heads, kvs, json.integer("head_dim", Math.max(1, hidden / heads), 1, MOST), sinks,
                Optional.empty());
    }

    /** The first of some fields that is there, or the first of all. */
    private String present(String... fields) {
        for (String field : fields) {
            if (json.has(field)) {
                return field;
            }
        }
        return fields[0];
    }

    private List<Layer> layers() {
        int count = json.integer("num_hidden_layers", 1, MOST_LAYERS);
        int experts = integer(present("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"));
        String perToken = present("num_experts_per_tok", "moe_k");
        int topK = integer(perToken);
        if (topK > experts) {
            throw json.fail(perToken, "%d is more than %d experts".formatted(topK, experts));
        }
        int width = integer("intermediate_size");
        boolean named = !family.equals("gpt_oss") && !family.startsWith("granite");
        int expertWidth = named ? integer("moe_intermediate_size") : width;
        int shared = family.startsWith("granite")
                ? count("shared_intermediate_size", 0)
                : count(present("n_shared_experts", "moe_num_shared_experts"), 0) * expertWidth;
        Routing.Rule rule = Routing.Rule.SOFTMAX_THEN_TOP_K;
        Routing sparse = new Routing(experts, topK, rule, true,
                shared > 0 ? Routing.Extra.ALWAYS : Routing.Extra.NONE);
        Routing dense = new Routing(0, 0, rule, false, Routing.Extra.ALWAYS);
        int first = count(present("first_k_dense_replace", "moe_layer_start_index"), 0);
        int last = json.integer("moe_layer_end_index", count - 1, -1, MOST);
        int step = json.integer(present("moe_layer_freq", "moe_layer_interval"), 1, 1, MOST_LAYERS);
        int[] windows = windows(count);
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            // One family counts every n-th layer from 1, the others from 0.
            int at = family.startsWith("ernie") ? i + 1 : i;
            boolean isSparse = i >= first && (last < 0 || i <= last) && at % step == 0;
            layers.add(isSparse
                    ? new Layer(sparse, expertWidth, shared, windows[i])
                    : new Layer(dense, 0, width, windows[i]));
        }
        return layers;
    }

    /** Of gpt_oss every other layer has a window, beginning with the first, unless layer_types says otherwise. */
    private int[] windows(int count) {
        int[] windows = new int[count];
        List<String> types = json.texts("layer_types");
        if (!types.isEmpty() && types.size() != count) {
            throw json.fail("layer_types", "names %d layers, num_hidden_layers is %d".formatted(types.size(), count));
        }
        int window = count("sliding_window", 0);
        for (int i = 0; i < count && family.equals("gpt_oss"); i++) {
            String type = types.isEmpty() ? i % 2 == 0 ? "sliding_attention" : "full_attention" : types.get(i);
            windows[i] = switch (type) {
                case "sliding_attention" -> window;
                case "full_attention" -> 0;
                default -> throw json.fail("layer_types", type + " is not understood");
            };
        }
        if (!family.equals("gpt_oss") && (types.contains("sliding_attention") || window > 0)) {
            throw json.fail("sliding_window", "is not understood of " + family);
        }
        return windows;
    }
}
