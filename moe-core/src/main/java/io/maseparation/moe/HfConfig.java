package io.maseparation.moe;

import io.maseparation.files.Existing;
import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.Attention;
import io.maseparation.moe.ModelConfig.FeedForward;
import io.maseparation.moe.ModelConfig.Heads;
import io.maseparation.moe.ModelConfig.Numerics;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelConfig.Vocabulary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Reads a Hugging Face {@code config.json} of the families mixtral, olmoe, qwen2_moe, qwen3_moe and granitemoe, as
 * transformers 4 ({@code rope_theta}, {@code torch_dtype}) or 5 ({@code rope_parameters}, {@code dtype}) writes it.
 * What the file leaves out has the value that the family's configuration class in transformers gives it.
 */
public final class HfConfig {
    private static final int MOST_WIDTH = 1 << 24;
    private static final int MOST_LAYERS = 10_000;
    private static final int MOST_COUNT = 1 << 16;
    private static final Set<String> LAYER_TYPES = Set.of("full_attention", "sliding_attention");

    private final Path folder;
    private final JsonFile json;
    private final HfFamily family;
    private final Consumer<String> warnings;
    private final boolean planned;

    private HfConfig(Path folder, Consumer<String> warnings, boolean planned) {
        this.planned = planned;
        this.warnings = warnings;
        this.folder = folder;
        json = json(folder);
        family = HfFamily.of(json);
    }

    /**
     * Opens a folder's config.json.
     *
     * @param warnings takes a line about everything that is left out
     */
    static HfConfig open(Path folder, Consumer<String> warnings) {
        return new HfConfig(folder, warnings, false);
    }

    /**
     * {@return the configuration of the checkpoint in a folder: {@code config.json}, and the end-of-sequence tokens of
     * {@code generation_config.json} or, where that names none, of {@code config.json} and
     * {@code tokenizer_config.json}}
     *
     * @param folder the checkpoint's folder
     * @throws ModelException naming file and field, if something is missing, contradictory, out of range or not
     *     supported
     */
    public static ModelConfig read(Path folder) {
        return open(folder, Checkpoint::warn).read();
    }

    /**
     * {@return the configuration of a model that is planned or simulated, not run} Families that nothing here runs are
     * read, too; quantised weights have the formats that config.json says, and a rotary embedding of any kind will do.
     *
     * @param folder a folder with config.json
     * @throws ModelException naming file and field, if something is missing, contradictory, out of range or not
     *     understood
     */
    public static ModelConfig plan(Path folder) {
        return plan(folder, Checkpoint::warn);
    }

    /**
     * As {@link #plan(Path)}.
     *
     * @param warnings takes a line about everything that is assumed or left out
     */
    static ModelConfig plan(Path folder, Consumer<String> warnings) {
        JsonFile json = json(folder);
        refuseFiles(folder, json);
        boolean assumed = namesNoType(json);
        if (assumed) {
            warnings.accept(json.message("", "names no dtype: bf16 is assumed"));
        }
        ModelConfig config;
        if (HfPlanned.has(json.text("model_type", ""))) {
            config = HfPlanned.read(json, name(folder), Numerics.of(assumed ? DataType.BF16 : type(json), 1e-6f),
                    warnings);
        } else {
            config = new HfConfig(folder, warnings, true).read();
        }
        return HfQuantisation.read(json, assumed ? config.withWeightType(DataType.BF16) : config, warnings);
    }

    /** The file is looked at before it is opened: a pipe without a writer has no end. */
    private static JsonFile json(Path folder) {
        Path file = folder.resolve("config.json");
        if (!Existing.file(file)) {
            throw new ModelException(Text.printable(file) + ": no such file");
        }
        return JsonFile.open(file);
    }

    private static String name(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? "model" : name.toString();
    }

    /** As {@link #read(Path)}. */
    ModelConfig read() {
        Path generation = folder.resolve("generation_config.json");
        List<Integer> eos = Existing.file(generation)
                ? JsonFile.open(generation).integers("eos_token_id")
                : List.of();
        if (json.has("dtype") && json.has("torch_dtype")
                && !plain(json.text("torch_dtype", "")).equals(plain(json.text("dtype", "")))) {
            warnings.accept(json.message("",
                    "dtype and torch_dtype contradict each other: dtype is used, as transformers does"));
        }
        List<Integer> own = eos.isEmpty() ? eos() : List.of();
        // A plan has no text that could end.
        Optional<TokenizerConfig.Added> text =
                eos.isEmpty() && !planned ? TokenizerConfig.eos(folder, warnings) : Optional.empty();
        List<Integer> ends = Stream.of(eos.stream(), own.stream(), text.map(TokenizerConfig.Added::id).stream())
                .flatMap(ids -> ids).distinct().toList();
        ModelConfig config = config(name(folder), ends);
        HfUnread.warn(json, family, config, planned, warnings);
        warnBeyond(eos, generation, config.vocab());
        warnBeyond(own, folder.resolve("config.json"), config.vocab());
        text.ifPresent(token -> warnBeyond(List.of(token.id()), token.file(), config.vocab()));
        return config;
    }

    /** Names the first of a file's end-of-sequence tokens that are none. */
    private void warnBeyond(List<Integer> eos, Path file, int vocab) {
        // A family's own may be: tiny models leave it out.
        eos.stream().filter(id -> id >= vocab)
                .filter(id -> !family.has("eos_token_id") || id != family.integer("eos_token_id")).findFirst()
                .ifPresent(id -> warnings.accept(Text.message(
                        "%s: the end-of-sequence token %d is outside the vocabulary of %d: no sequence ends with it"
                                .formatted(Text.printable(file), id, vocab))));
    }

    /** The number format that config.json names; none if it names none. */
    Optional<DataType> declaredType() {
        return namesNoType(json) ? Optional.empty() : Optional.of(type(json));
    }

    private static boolean namesNoType(JsonFile json) {
        return json.text(typeField(json), "auto").equals("auto");
    }

    private static String typeField(JsonFile json) {
        return json.has("dtype") ? "dtype" : "torch_dtype";
    }

    /** A whole number that the family may have a value for. A null is none: transformers fails with it. */
    private int integer(String field, int least, int most) {
        refuseNull(field);
        return json.integer(field, family.integer(field), least, most);
    }

    private void refuseNull(String field) {
        if (json.isNull(field)) {
            throw json.fail(field, "is null; leave it out, or say which");
        }
    }

    private ModelConfig config(String name, List<Integer> eos) {
        int hidden = integer("hidden_size", 1, MOST_WIDTH);
        int vocab = integer("vocab_size", 1, 1 << 26);
        if ((long) vocab * hidden > Integer.MAX_VALUE) {
            throw json.fail("vocab_size", "%d × hidden_size %d is more than the 2147483647 elements of an array"
                    .formatted(vocab, hidden));
        }
        int[] windows = windows(integer("num_hidden_layers", 1, MOST_LAYERS));
        return new ModelConfig(
                name,
                family.modelType,
                hidden,
                new Vocabulary(vocab, json.flag("tie_word_embeddings", false), eos),
                attention(hidden, windows),
                new FeedForward(activation(), true),
                numerics(),
                layers(windows));
    }

    private Numerics numerics() {
        Numerics plain = Numerics.of(type(json), positive("rms_norm_eps", family.number("rms_norm_eps")));
        return family != HfFamily.GRANITE_MOE
                ? plain
                : new Numerics(
                        plain.weightType(),
                        plain.normEps(),
                        multiplier("embedding_multiplier"),
                        multiplier("residual_multiplier"),
                        (float) (1 / (double) positive("logits_scaling", 1)));
    }

    private Attention attention(int hidden, int[] windows) {
        boolean bias = json.flag("attention_bias", false);
        boolean mayBias = family != HfFamily.MIXTRAL && family != HfFamily.QWEN2_MOE;
        Heads heads = heads(hidden);
        int positions = integer("max_position_embeddings", 1, 1 << 30);
        // A plan needs no angles.
        Rope rope = planned ? new Rope(1, 1) : HfRope.read(json, family, windows, heads.dim(), positions, warnings);
        return new Attention(
                heads,
                planned ? HfPlanned.positions(json, positions) : rope.longest(positions),
                rope,
                family == HfFamily.GRANITE_MOE
                        ? positive("attention_multiplier", 1)
                        : (float) (1 / Math.sqrt(heads.dim())),
                switch (family) {
                    case OLMOE -> QkNorm.WHOLE;
                    case QWEN3_MOE -> QkNorm.PER_HEAD;
                    default -> QkNorm.NONE;
                },
                family == HfFamily.QWEN2_MOE ? json.flag("qkv_bias", !json.isNull("qkv_bias")) : mayBias && bias,
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
        refuseNull(field);
        float value = (float) json.number(field, absent);
        if (!(value > 0)) {
            throw json.fail(field, "is " + value + ", which is not above 0");
        }
        return value;
    }

    private float multiplier(String field) {
        refuseNull(field);
        return (float) json.number(field, 1);
    }

    private List<Integer> eos() {
        boolean left = !json.has("eos_token_id") && !json.isNull("eos_token_id") && family.has("eos_token_id");
        return left ? List.of(family.integer("eos_token_id")) : json.integers("eos_token_id");
    }

    private static DataType type(JsonFile json) {
        String field = typeField(json);
        String type = json.text(field, "float32");
        return switch (plain(type)) {
            case "float32", "float", "auto" -> DataType.F32;
            case "float16", "half" -> DataType.F16;
            case "bfloat16" -> DataType.BF16;
            default -> throw json.fail(field, type + " is not supported; float32, float16 and bfloat16 are");
        };
    }

    private static String plain(String type) {
        return type.startsWith("torch.") ? type.substring(6) : type;
    }

    private Activation activation() {
        refuseNull("hidden_act");
        String name = json.text("hidden_act", "silu");
        return switch (name) {
            case "silu", "swish" -> Activation.SILU;
            case "gelu", "gelu_python" -> Activation.GELU;
            case "gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_accurate" -> Activation.GELU_TANH;
            case "relu" -> Activation.RELU;
            default -> throw json.fail(
                    "hidden_act", name + " is not supported; silu, gelu, gelu_pytorch_tanh, gelu_new and relu are");
        };
    }

    private List<ModelConfig.Layer> layers(int[] windows) {
        int count = windows.length;
        String expertsField = json.has("num_experts") ? "num_experts" : "num_local_experts";
        refuseNull(family.qwen() || family == HfFamily.OLMOE ? "num_experts" : "num_local_experts");
        refuseNull(expertsField);
        int experts =
                json.integer(expertsField, family.integer("num_local_experts"), family.qwen() ? 0 : 1, MOST_COUNT);
        int local = json.integer("num_local_experts", experts, 0, MOST_COUNT);
        if (local != experts) {
            throw json.fail("num_local_experts", "is %d, but %s is %d".formatted(local, expertsField, experts));
        }
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
        if (family.qwen()) {
            refuseNull("decoder_sparse_step");
        }
        int step = family.qwen() ? json.integer("decoder_sparse_step", 1, 1, Integer.MAX_VALUE) : 1;
        List<Integer> denseLayers = family.qwen() ? json.integers("mlp_only_layers") : List.of();
        if (denseLayers.stream().anyMatch(layer -> layer >= count)) {
            warnings.accept(json.message("mlp_only_layers",
                    "names layers that the %d of num_hidden_layers do not have; left out, as in transformers"
                            .formatted(count)));
        }
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
        List<String> types = layerTypes(count);
        int[] windows = new int[count];
        boolean on = switch (family) {
            case MIXTRAL -> true;
            case QWEN2_MOE, QWEN3_MOE -> json.flag("use_sliding_window", false);
            default -> false;
        };
        int absent = family == HfFamily.MIXTRAL || json.isNull("sliding_window") ? 0 : 4096;
        int window = on ? json.integer("sliding_window", absent, 0, Integer.MAX_VALUE) : 0;
        if (on && json.has("sliding_window") && window == 0) {
            warnings.accept(
                    json.message("sliding_window", "is 0 and taken as none: every position sees all before it"));
        }
        if (on && family == HfFamily.QWEN3_MOE && json.isNull("sliding_window")) {
            warnings.accept(json.message("use_sliding_window",
                    "is true and sliding_window null: every position sees all before it, as in transformers"));
        }
        int below = json.integer("max_window_layers", 28, 0, Integer.MAX_VALUE);
        boolean asListed = true;
        for (int i = 0; i < count; i++) {
            boolean usual = i % 2 == 0 && i < below;
            boolean sliding = family != HfFamily.QWEN2_MOE
                    || (types.isEmpty() ? usual : types.get(i).equals("sliding_attention"));
            asListed &= sliding == usual;
            windows[i] = sliding ? window : 0;
            if (on && sliding && family == HfFamily.QWEN2_MOE) {
                refuseNull("sliding_window");
            }
            if (!types.isEmpty() && types.get(i).equals("sliding_attention") != windows[i] > 0) {
                throw json.fail("layer_types", "has %s for layer %d, which %s with these windows does not have there"
                        .formatted(types.get(i), i, family.modelType));
            }
        }
        if (on && family == HfFamily.QWEN2_MOE && json.has("max_window_layers") && !asListed) {
            warnings.accept(json.message("max_window_layers",
                    "%d would give other layers a window than layer_types: those of layer_types have it, as in transformers"
                            .formatted(below)));
        }
        return windows;
    }

    /** What layer_types says of each layer; empty where it is absent. */
    private List<String> layerTypes(int count) {
        List<String> types = json.texts("layer_types");
        for (String type : types) {
            if (!LAYER_TYPES.contains(type)) {
                throw json.fail("layer_types", Text.printable(type)
                        + " is not supported; full_attention and sliding_attention are");
            }
        }
        if (json.has("layer_types") && types.size() != count) {
            throw json.fail("layer_types", "names %d layers, num_hidden_layers is %d".formatted(types.size(), count));
        }
        return types;
    }

    /**
     * Refuses a checkpoint whose weights are stored as something that only a recipe turns into numbers, or that has
     * settings which would change them.
     *
     * @throws ModelException naming the recipe or the settings
     */
    void requirePlain() {
        HfQuantisation.field(json).ifPresent(field -> {
            throw json.fail(field, HfQuantisation.method(json, field)
                    + "is not supported: weights must be float32, float16 or bfloat16");
        });
        refuseFiles(folder, json);
        HfUnread.refuseBlocks(json);
    }

    /** Refuses recipes outside config.json, unless that has one, too. */
    private static void refuseFiles(Path folder, JsonFile json) {
        if (HfQuantisation.field(json).isPresent()) {
            return;
        }
        for (String file : List.of("quantize_config.json", "hf_quant_config.json")) {
            if (Existing.file(folder.resolve(file))) {
                throw new ModelException(Text.printable(folder.resolve(file))
                        + ": quantised weights are not supported: they must be float32, float16 or bfloat16");
            }
        }
    }
}
