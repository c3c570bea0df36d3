package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import io.maseparation.moe.Format.Units;
import io.maseparation.moe.ModelConfig.Heads;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What {@code quantization_config} says of the formats of a checkpoint's matrices, for planning: fp8, gptq, awq, mxfp4
 * and compressed-tensors, with the modules that they leave out. Whatever else is there is refused by its name.
 */
final class HfQuantisation {
    private static final List<String> FIELDS = List.of("quantization_config", "compression_config", "quantization");
    private static final String METHODS = "; fp8, gptq, awq, mxfp4 and compressed-tensors are";
    private static final int SCALE = 16;
    private static final int BLOCK_SCALE = 32;
    private static final int MOST_GROUP = 1 << 24;

    /** Fields that are read, or say how numbers were found or are multiplied and not what they take. */
    private static final Set<String> KNOWN =
            Set.of("""
                    quant_method bits group_size weight_block_size zero_point lm_head modules_to_not_convert ignored_layers ignore
                    dynamic modules_in_block_to_quantize sparsity_config config_groups kv_cache_scheme activation_scheme fmt
                    scale_fmt format quantization_status global_compression_ratio version desc_act sym damp_percent
                    damp_auto_increment true_sequential static_groups model_name_or_path model_file_base_name is_marlin_format
                    use_cuda_fp16 exllama_config use_exllama disable_exllama max_input_length cache_block_outputs batch_size
                    block_name_to_quantize model_seqlen module_name_preceding_first_block pad_token_id dataset tokenizer
                    checkpoint_format meta backend do_fuse fuse_max_seq_len modules_to_fuse quantizer uri dequantize
                    """
                    .strip().split("\\s+", -1));
    private static final Set<String> KNOWN_OF_GROUP =
            Set.of("targets", "weights", "input_activations", "output_activations", "format");
    private static final Set<String> KNOWN_OF_SPARSITY = Set.of(
            "format", "ignore", "targets", "global_sparsity", "sparsity_structure", "registry_requires_subclass");
    private static final Set<String> KNOWN_OF_NUMBERS = Set.of(
            "num_bits", "type", "symmetric", "strategy", "group_size", "block_structure", "dynamic", "observer",
            "observer_kwargs", "actorder", "zp_dtype", "scale_dtype");

    private final JsonFile json;
    private final Consumer<String> warnings;
    private final ModelConfig config;
    private final Format plain;
    private final List<Rule> rules = new ArrayList<>();
    private Optional<Format> cache = Optional.empty();

    /** Modules selected by name, and their format. */
    private record Rule(Names names, Format format) {}

    private HfQuantisation(JsonFile json, ModelConfig config, Consumer<String> warnings) {
        this.warnings = warnings;
        this.json = json;
        this.config = config;
        plain = Format.of(config.weightType());
    }

    /** The name of the field that says how weights are quantised; empty if none does. */
    static Optional<String> field(JsonFile config) {
        return FIELDS.stream().filter(config::has).findFirst();
    }

    /** The method that such a field names, in brackets before what is said of it; empty if it names none. */
    static String method(JsonFile config, String field) {
        String method = config.isObject(field) ? config.object(field).text("quant_method", "") : "";
        return method.isEmpty() ? "" : "(" + Text.printable(method) + ") ";
    }

    /**
     * The model with the formats that config.json says.
     *
     * @param warnings takes a line about everything that is left out
     */
    static ModelConfig read(JsonFile json, ModelConfig config, Consumer<String> warnings) {
        Optional<String> field = field(json);
        if (field.isEmpty()) {
            return config;
        }
        JsonFile how = json.requiredObject(field.get());
        ModelConfig read = new HfQuantisation(how, config, warnings).read(json, field.get());
        HfUnread.warnUnknown(how, KNOWN::contains, warnings);
        return read;
    }

    private ModelConfig read(JsonFile whole, String field) {
        switch (json.text("quant_method", "")) {
            case "fp8" -> blocks();
            case "gptq" -> grouped(SCALE + bits());
            case "awq" -> grouped(SCALE + (json.flag("zero_point", true) ? bits() : 0));
            case "mxfp4" -> rules.add(new Rule(new Names(List.of("experts")), Format.MXFP4));
            case "compressed-tensors" -> compressedTensors();
            default -> throw whole.fail(field,
                    method(whole, field) + "is not understood" + METHODS);
        }
        List<String> left = new ArrayList<>();
        for (String list : List.of("modules_to_not_convert", "ignored_layers", "ignore")) {
            left.addAll(json.texts(list));
        }
        if (!json.text("quant_method", "").equals("compressed-tensors") && !json.flag("lm_head", false)) {
            left.add("lm_head");
        }
        rules.addFirst(new Rule(new Names(left), plain));
        List<ModelConfig.Layer> layers = new ArrayList<>();
        for (int i = 0; i < config.layers().size(); i++) {
            ModelConfig.Layer layer = config.layers().get(i);
            layers.add(layer.with(Optional.of(
                    new LayerFormats(of(attention(i)), of(experts(i, layer)), of(extra(i, layer))))));
        }
        return config.with(config.weightType(), Optional.of(of(Map.of("lm_head", 1L))), cache).withLayers(layers);
    }

    private int bits() {
        return json.integer("bits", 1, 8);
    }

    private static Format format(String kind, int bits, double scales, Units units) {
        return new Format(kind + bits, units, bits + scales);
    }

    private void blocks() {
        List<Integer> block = json.integers("weight_block_size");
        double elements = block.stream().mapToDouble(n -> n).reduce(1, (a, b) -> a * b);
        if (!block.isEmpty() && (block.size() != 2 || elements < 1)) {
            throw json.fail("weight_block_size", "is not a pair of sizes");
        }
        all(format("fp", 8, block.isEmpty() ? 0 : BLOCK_SCALE / elements, Units.FP8));
    }

    private void all(Format format) {
        rules.add(new Rule(new Names(List.of("re:")), format));
    }

    /** Integers that are widened to 16 bits where they are multiplied, in groups along a row. */
    private void grouped(int bitsOfGroup) {
        for (String other : List.of("modules_in_block_to_quantize", "dynamic")) {
            if (!json.isObject(other) && json.has(other)) {
                throw json.fail(other, "is not understood: modules_to_not_convert is");
            }
        }
        JsonFile dynamic = json.object("dynamic");
        for (String name : dynamic.fields()) {
            if (!name.startsWith("-:")) {
                throw dynamic.fail(name, "is not understood: modules that are left out, which begin with -:, are");
            }
            rules.add(new Rule(new Names(List.of("re:" + name.substring(2))), plain));
        }
        int group = json.integer("group_size", 128, -1, MOST_GROUP);
        all(format("int", bits(), group > 0 ? (double) bitsOfGroup / group : 0, Units.BF16));
    }

    private void compressedTensors() {
        JsonFile sparsity = json.object("sparsity_config");
        HfUnread.warnUnknown(sparsity, KNOWN_OF_SPARSITY::contains, warnings);
        if (!sparsity.text("format", "dense").equals("dense")) {
            throw json.fail("sparsity_config", "is not understood: dense weights are");
        }
        for (JsonFile group : json.members("config_groups")) {
            List<String> targets = new ArrayList<>(group.texts("targets"));
            targets.replaceAll(target -> target.equals("Linear") ? "re:" : target);
            JsonFile weights = group.requiredObject("weights");
            JsonFile inputs = group.object("input_activations");
            HfUnread.warnUnknown(group, KNOWN_OF_GROUP::contains, warnings);
            HfUnread.warnUnknown(weights, KNOWN_OF_NUMBERS::contains, warnings);
            HfUnread.warnUnknown(inputs, KNOWN_OF_NUMBERS::contains, warnings);
            int bits = weights.integer("num_bits", 1, 16);
            boolean whole = inputs.integer("num_bits", SCALE, 1, 16) > 8;
            rules.add(new Rule(new Names(targets), format(
                    kind(weights), bits, scales(weights, bits),
                    whole ? Units.BF16 : kind(inputs).equals("fp") ? Units.FP8 : Units.INT8)));
        }
        if (rules.isEmpty()) {
            throw json.fail("config_groups", "names no group");
        }
        JsonFile scheme = json.object("kv_cache_scheme");
        if (!scheme.fields().isEmpty()) {
            HfUnread.warnUnknown(scheme, KNOWN_OF_NUMBERS::contains, warnings);
            int bits = scheme.integer("num_bits", 1, 16);
            cache = Optional.of(format(kind(scheme), bits, 0, bits == 8 && kind(scheme).equals("fp")
                    ? Units.FP8
                    : Units.BF16));
        }
    }

    private static String kind(JsonFile weights) {
        return switch (weights.text("type", "int")) {
            case "int" -> "int";
            case "float" -> "fp";
            default -> throw weights.fail("type", "is not understood; int and float are");
        };
    }

    /** Bits that scales and zero points add to each element. */
    private static double scales(JsonFile weights, int bits) {
        int zero = weights.flag("symmetric", true) ? 0 : bits;
        return switch (weights.text("strategy", "tensor")) {
            case "tensor", "channel", "token" -> 0;
            // Groups of 16 to 32 floating-point numbers of 4 bits have scales of 8.
            case "group", "tensor_group" -> (double) ((bits == 4 && kind(weights).equals("fp") ? 8 : SCALE) + zero)
                    / weights.integer("group_size", 1, MOST_GROUP);
            case "block" -> {
                double elements = 1;
                for (int size : weights.integers("block_structure")) {
                    elements *= size;
                }
                yield BLOCK_SCALE / elements;
            }
            default -> throw weights.fail("strategy", "is not understood; tensor, channel, group and block are");
        };
    }

    /** The format of modules, given their elements: the mean of those in formats of their own. */
    private Format of(Map<String, Long> modules) {
        Set<Format> formats = new LinkedHashSet<>();
        double bits = 0;
        double elements = 0;
        for (Map.Entry<String, Long> module : modules.entrySet()) {
            Format format = rules.stream()
                    .filter(rule -> rule.names().match(module.getKey()))
                    .map(Rule::format)
                    .findFirst()
                    .orElse(plain);
            formats.add(format);
            bits += format.bits() * module.getValue();
            elements += module.getValue();
        }
        return switch (formats.size()) {
            case 0 -> plain;
            case 1 -> formats.iterator().next();
            default -> new Format(
                    String.join("+", formats.stream().map(Format::id).distinct().toList()), Units.BF16,
                    bits / elements);
        };
    }

    private Map<String, Long> attention(int layer) {
        Heads heads = config.attention().heads();
        String prefix = "model.layers." + layer + ".self_attn.";
        long hidden = config.hidden();
        long queries = config.queryWidth();
        Map<String, Long> modules = new LinkedHashMap<>();
        heads.latent().ifPresentOrElse(l -> {
            if (l.queryRank() > 0) {
                modules.put(prefix + "q_a_proj", hidden * l.queryRank());
                modules.put(prefix + "q_b_proj", queries * l.queryRank());
            } else {
                modules.put(prefix + "q_proj", hidden * queries);
            }
            modules.put(prefix + "kv_a_proj_with_mqa", hidden * l.cached());
            modules.put(prefix + "kv_b_proj", (long) l.rank() * heads.query() * (l.plain() + l.value()));
            modules.put(prefix + "o_proj", hidden * heads.query() * l.value());
        }, () -> {
            modules.put(prefix + "q_proj", hidden * queries);
            modules.put(prefix + "k_proj", hidden * config.kvWidth());
            modules.put(prefix + "v_proj", hidden * config.kvWidth());
            modules.put(prefix + "o_proj", hidden * queries);
        });
        return modules;
    }

    private Map<String, Long> experts(int index, ModelConfig.Layer layer) {
        String prefix = "model.layers." + index + ".";
        Map<String, Long> modules = new LinkedHashMap<>();
        if (layer.routing().experts() > 0 && (fused() || config.family().equals("gpt_oss"))) {
            List<String> names = fused()
                    ? List.of("block_sparse_moe.input_linear", "block_sparse_moe.output_linear")
                    : List.of("mlp.experts.gate_up_proj", "mlp.experts.down_proj");
            modules.put(prefix + names.getFirst(), 2L);
            modules.put(prefix + names.getLast(), 1L);
            return modules;
        }
        boolean mixtral = config.family().equals("mixtral");
        for (int expert = 0; expert < layer.routing().experts(); expert++) {
            String of = prefix + (mixtral ? "block_sparse_moe" : "mlp") + ".experts." + expert + ".";
            put(modules, of, mixtral ? List.of("w1", "w2", "w3") : List.of("gate_proj", "up_proj", "down_proj"));
        }
        return modules;
    }

    private Map<String, Long> extra(int index, ModelConfig.Layer layer) {
        String prefix = "model.layers." + index + ".";
        Map<String, Long> modules = new LinkedHashMap<>();
        if (layer.extraWidth() > 0 && fused()) {
            modules.put(prefix + "shared_mlp.input_linear", 2L);
            modules.put(prefix + "shared_mlp.output_linear", 1L);
        } else if (layer.extraWidth() > 0) {
            String of = layer.routing().experts() == 0
                    ? "mlp."
                    : config.family().equals("qwen2_moe") ? "mlp.shared_expert." : "mlp.shared_experts.";
            put(modules, prefix + of, List.of("gate_proj", "up_proj", "down_proj"));
        }
        return modules;
    }

    private boolean fused() {
        return config.family().startsWith("granitemoe");
    }

    private static void put(Map<String, Long> modules, String prefix, List<String> names) {
        for (String name : names) {
            modules.put(prefix + name, 1L);
        }
    }

    /** Names of modules: parts of a name between dots, with * for any, or regular expressions after {@code re:}. */
    private final class Names {
        private final List<String> parts = new ArrayList<>();
        private final List<Pattern> patterns = new ArrayList<>();

        Names(List<String> names) {
            for (String name : names) {
                if (name.startsWith("re:")) {
                    try {
                        patterns.add(Pattern.compile(name.substring(3)));
                    } catch (PatternSyntaxException e) {
                        throw json.fail("", Text.printable(name) + " is not a regular expression");
                    }
                } else if (name.contains("*")) {
                    patterns.add(Pattern.compile(
                            "(.*\\.)?\\Q" + name.replace("*", "\\E[^.]*\\Q") + "\\E(\\..*)?$"));
                } else {
                    parts.add("." + name + ".");
                }
            }
        }

        boolean match(String module) {
            String whole = "." + module + ".";
            return parts.stream().anyMatch(whole::contains)
                    || patterns.stream().anyMatch(pattern -> pattern.matcher(module).lookingAt());
        }
    }
}
