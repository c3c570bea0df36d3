package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.Attention;
import io.maseparation.moe.ModelConfig.FeedForward;
import io.maseparation.moe.ModelConfig.Heads;
import io.maseparation.moe.ModelConfig.Numerics;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelConfig.Vocabulary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a Hugging Face {@code config.json} of the families mixtral, olmoe, qwen2_moe, qwen3_moe and granitemoe, as
 * transformers 4 ({@code rope_theta}, {@code torch_dtype}) or 5 ({@code rope_parameters}, {@code dtype}) writes it.
 * What the file leaves out has the value that the family's configuration class in transformers gives it.
 */
public final class HfConfig {
    private static final int MOST_WIDTH = 1 << 24;
    private static final int MOST_LAYERS = 10_000;
    private static final int MOST_COUNT = 1 << 16;

    private final JsonFile json;
    private final HfFamily family;

    private HfConfig(JsonFile json) {
        this.json = json;
        this.family = HfFamily.of(json);
    }

    /**
     * {@return the configuration of the checkpoint in a folder: {@code config.json}, and the end-of-sequence tokens of
     * {@code generation_config.json} where that names some}
     *
     * @param folder the checkpoint's folder
     * @throws ModelException naming file and field, if something is missing, contradictory, out of range or not
     *     supported
     */
    public static ModelConfig read(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        HfConfig config = new HfConfig(JsonFile.open(folder.resolve("config.json")));
        Path generation = folder.resolve("generation_config.json");
        List<Integer> eos = Files.isRegularFile(generation)
                ? JsonFile.open(generation).integers("eos_token_id")
                : List.of();
        return config.config(name == null ? "model" : name.toString(), eos);
    }

    /** A whole number that the family may have a value for. */
    private int integer(String field, int least, int most) {
        return json.integer(field, family.integer(field), least, most);
    }

    private ModelConfig config(String name, List<Integer> eos) {
        int hidden = integer("hidden_size", 1, MOST_WIDTH);
        int vocab = integer("vocab_size", 1, 1 << 26);
        if ((long) vocab * hidden > Integer.MAX_VALUE) {
            throw json.fail("vocab_size", "%d × hidden_size %d is more than the 2147483647 elements of an array"
                    .formatted(vocab, hidden));
        }
        List<Integer> own = eos();
        return new ModelConfig(
                name,
                family.modelType,
                hidden,
                new Vocabulary(vocab, json.flag("tie_word_embeddings", false), eos.isEmpty() ? own : eos),
                attention(hidden),
                new FeedForward(activation(), true),
                numerics(),
                layers());
    }

    private Numerics numerics() {
        Numerics plain = Numerics.of(type(), positive("rms_norm_eps", family.number("rms_norm_eps")));
        return family != HfFamily.GRANITE_MOE
                ? plain
                : new Numerics(
                        plain.weightType(),
                        plain.normEps(),
                        (float) json.number("embedding_multiplier", 1),
                        (float) json.number("residual_multiplier", 1),
                        (float) (1 / (double) positive("logits_scaling", 1)));
    }

    private Attention attention(int hidden) {
        boolean bias = json.flag("attention_bias", false);
        boolean mayBias = family != HfFamily.MIXTRAL && family != HfFamily.QWEN2_MOE;
        Heads heads = heads(hidden);
        return new Attention(
                heads,
                integer("max_position_embeddings", 1, 1 << 30),
                rope(),
                family == HfFamily.GRANITE_MOE
                        ? (float) json.number("attention_multiplier", 1)
                        : (float) (1 / Math.sqrt(heads.dim())),
                switch (family) {
                    case OLMOE -> QkNorm.WHOLE;
                    case QWEN3_MOE -> QkNorm.PER_HEAD;
                    default -> QkNorm.NONE;
                },
                family == HfFamily.QWEN2_MOE ? json.flag("qkv_bias", true) : mayBias && bias,
                mayBias && bias,
                family == HfFamily.OLMOE && json.has("clip_qkv") ? positive("clip_qkv", 0) : 0);
    }

    private Heads heads(int hidden) {
        int heads = integer("num_attention_heads", 1, MOST_COUNT);
        boolean all = !family.has("num_key_value_heads") || json.isNull("num_key_value_heads");
        int kvHeads = all
                ? json.integer("num_key_value_heads", heads, 1, MOST_COUNT)
                : integer("num_key_value_heads", 1, MOST_COUNT);
        if (heads % kvHeads != 0) {
            throw json.fail("num_key_value_heads",
                    "%d does not divide num_attention_heads %d".formatted(kvHeads, heads));
        }
        if (!json.has("head_dim") && hidden % heads != 0) {
            throw json.fail("num_attention_heads", "%d does not divide hidden_size %d".formatted(heads, hidden));
        }
        int headDim = json.integer("head_dim", hidden / heads, 1, MOST_COUNT);
        if (headDim % 2 != 0) {
            throw json.fail("head_dim", "%d is odd; the rotary embedding needs pairs".formatted(headDim));
        }
        if ((heads + 2L * kvHeads) * headDim > MOST_WIDTH) {
            throw json.fail("num_attention_heads", "%d of head_dim %d are absurdly many".formatted(heads, headDim));
        }
        return new Heads(heads, kvHeads, headDim);
    }

    private float positive(String field, double absent) {
        float value = (float) json.number(field, absent);
        if (!(value > 0)) {
            throw json.fail(field, "is " + value + ", which is not above 0");
        }
        return value;
    }

    private List<Integer> eos() {
        boolean left = !json.has("eos_token_id") && !json.isNull("eos_token_id") && family.has("eos_token_id");
        return left ? List.of(family.integer("eos_token_id")) : json.integers("eos_token_id");
    }

    private DataType type() {
        String type = json.text("dtype", json.text("torch_dtype", "float32"));
        return switch (type.startsWith("torch.") ? type.substring(6) : type) {
            case "float32", "float", "auto" -> DataType.F32;
            case "float16", "half" -> DataType.F16;
            case "bfloat16" -> DataType.BF16;
            default -> throw json.fail("dtype", type + " is not supported; float32, float16 and bfloat16 are");
        };
    }

    private Activation activation() {
        String name = json.text("hidden_act", "silu");
        return switch (name) {
            case "silu", "swish" -> Activation.SILU;
            case "gelu_pytorch_tanh", "gelu_new", "gelu_fast" -> Activation.GELU_TANH;
            case "relu" -> Activation.RELU;
            default -> throw json.fail(
                    "hidden_act", name + " is not supported; silu, gelu_pytorch_tanh, gelu_new and relu are");
        };
    }

    /** Either dialect: rope_parameters with everything in it, or rope_theta beside an optional rope_scaling. */
    private Rope rope() {
        String field = json.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
        JsonFile rope = json.object(field);
        JsonFile parameters = json.object("rope_parameters");
        double theta = rope.number(
                "rope_theta", json.number("rope_theta", parameters.number("rope_theta", family.number("rope_theta"))));
        if (!(theta > 0)) {
            throw json.fail("rope_theta", "is " + theta + ", which is not above 0");
        }
        for (JsonFile holder : List.of(json, rope)) {
            if (holder.number("partial_rotary_factor", 1) != 1) {
                throw holder.fail("partial_rotary_factor", "other than 1 is not supported");
            }
        }
        String embedding = json.text("position_embedding_type", "rope");
        if (!embedding.equals("rope")) {
            throw json.fail("position_embedding_type", embedding + " is not supported; rope is");
        }
        String type = rope.text("rope_type", rope.text("type", "default"));
        return switch (type) {
            case "default" -> new Rope(theta, 1);
            case "linear" -> {
                double factor = rope.number("factor", 0);
                if (!(factor > 0)) {
                    throw rope.fail("factor", "of linear scaling is missing or not above 0");
                }
                yield new Rope(theta, factor);
            }
            default -> throw rope.fail("rope_type", type + " is not supported; default and linear are");
        };
    }

    private List<ModelConfig.Layer> layers() {
        int count = integer("num_hidden_layers", 1, MOST_LAYERS);
        String expertsField = json.has("num_experts") ? "num_experts" : "num_local_experts";
        int experts =
                json.integer(expertsField, family.integer("num_local_experts"), family.qwen() ? 0 : 1, MOST_COUNT);
        int topK = integer("num_experts_per_tok", 1, MOST_COUNT);
        int width = integer("intermediate_size", 1, MOST_WIDTH);
        int moeWidth = family.qwen() ? integer("moe_intermediate_size", 1, MOST_WIDTH) : width;
        int shared = family == HfFamily.QWEN2_MOE
                ? integer("shared_expert_intermediate_size", 0, MOST_WIDTH)
                : 0;
        if (experts > 0 && topK > experts) {
            throw json.fail("num_experts_per_tok", "%d is more than %s %d".formatted(topK, expertsField, experts));
        }
        Routing.Rule rule = family == HfFamily.GRANITE_MOE
                ? Routing.Rule.TOP_K_THEN_SOFTMAX
                : Routing.Rule.SOFTMAX_THEN_TOP_K;
        boolean renormalise = switch (family) {
            case MIXTRAL -> true;
            case GRANITE_MOE -> false;
            default -> json.flag("norm_topk_prob", false);
        };
        Routing dense = new Routing(0, 0, rule, false, Routing.Extra.ALWAYS);
        Routing sparse = experts == 0
                ? dense
                : new Routing(experts, topK, rule, renormalise,
                        shared > 0 ? Routing.Extra.SIGMOID_GATE : Routing.Extra.NONE);
        int step = family.qwen() ? json.integer("decoder_sparse_step", 1, 1, Integer.MAX_VALUE) : 1;
        List<Integer> denseLayers = family.qwen() ? json.integers("mlp_only_layers") : List.of();
        int[] windows = windows(count);
        List<ModelConfig.Layer> layers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            boolean isSparse = experts > 0 && !denseLayers.contains(i) && (i + 1) % step == 0;
            layers.add(isSparse
                    ? new ModelConfig.Layer(sparse, moeWidth, shared, windows[i])
                    : new ModelConfig.Layer(dense, 0, width, windows[i]));
        }
        return layers;
    }

    /**
     * Sliding window of each layer, 0 for none. In mixtral and (with use_sliding_window) qwen3_moe it holds for all
     * layers; in qwen2_moe for those that layer_types names or, without that field, as transformers 5 chooses them:
     * every other layer below max_window_layers.
     */
    private int[] windows(int count) {
        int[] windows = new int[count];
        boolean on = switch (family) {
            case MIXTRAL -> true;
            case QWEN2_MOE, QWEN3_MOE -> json.flag("use_sliding_window", false);
            default -> false;
        };
        int absent = family == HfFamily.MIXTRAL || json.isNull("sliding_window") ? 0 : 4096;
        int window = on ? json.integer("sliding_window", absent, 0, Integer.MAX_VALUE) : 0;
        if (window == 0) {
            return windows;
        }
        boolean named = family == HfFamily.QWEN2_MOE && json.has("layer_types");
        List<String> types = json.texts("layer_types");
        if (named && types.size() != count) {
            throw json.fail("layer_types", "names %d layers, num_hidden_layers is %d".formatted(types.size(), count));
        }
        int below = json.integer("max_window_layers", 28, 0, Integer.MAX_VALUE);
        for (int i = 0; i < count; i++) {
            boolean sliding = family != HfFamily.QWEN2_MOE
                    || (named ? types.get(i).equals("sliding_attention") : i % 2 == 0 && i < below);
            windows[i] = sliding ? window : 0;
        }
        return windows;
    }
}
