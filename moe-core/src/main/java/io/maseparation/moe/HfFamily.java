package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The Hugging Face model types that are understood, each with the values that its configuration class in transformers
 * has for fields that config.json leaves out.
 */
enum HfFamily {
    MIXTRAL("mixtral", "MixtralForCausalLM",
            "vocab_size", 32000, "hidden_size", 4096, "intermediate_size", 14336, "num_hidden_layers", 32,
            "num_attention_heads", 32, "num_key_value_heads", 8,
            "max_position_embeddings", 131072, "rms_norm_eps", 1e-5, "rope_theta", 1e6,
            "num_local_experts", 8, "num_experts_per_tok", 2, "eos_token_id", 2),

    OLMOE("olmoe", "OlmoeForCausalLM",
            "vocab_size", 50304, "hidden_size", 2048, "intermediate_size", 2048, "num_hidden_layers", 16,
            "num_attention_heads", 16,
            "max_position_embeddings", 4096, "rms_norm_eps", 1e-5, "rope_theta", 1e4,
            "num_local_experts", 64, "num_experts_per_tok", 8, "eos_token_id", 50279),

    QWEN2_MOE("qwen2_moe", "Qwen2MoeForCausalLM",
            "vocab_size", 151936, "hidden_size", 2048, "intermediate_size", 5632, "num_hidden_layers", 24,
            "num_attention_heads", 16, "num_key_value_heads", 16,
            "max_position_embeddings", 32768, "rms_norm_eps", 1e-6, "rope_theta", 1e4,
            "num_local_experts", 60, "num_experts_per_tok", 4,
            "moe_intermediate_size", 1408, "shared_expert_intermediate_size", 5632),

    QWEN3_MOE("qwen3_moe", "Qwen3MoeForCausalLM",
            "vocab_size", 151936, "hidden_size", 2048, "intermediate_size", 6144, "num_hidden_layers", 24,
            "num_attention_heads", 32, "num_key_value_heads", 4,
            "max_position_embeddings", 32768, "rms_norm_eps", 1e-6, "rope_theta", 1e4,
            "num_local_experts", 128, "num_experts_per_tok", 8,
            "moe_intermediate_size", 768),

    GRANITE_MOE("granitemoe", "GraniteMoeForCausalLM",
            "vocab_size", 32000, "hidden_size", 4096, "intermediate_size", 11008, "num_hidden_layers", 32,
            "num_attention_heads", 32,
            "max_position_embeddings", 2048, "rms_norm_eps", 1e-6, "rope_theta", 1e4,
            "num_local_experts", 8, "num_experts_per_tok", 2, "eos_token_id", 2);

    final String modelType;
    /** The class of transformers that computes it. */
    final String architecture;
    @SuppressWarnings("ImmutableEnumChecker") // only the constructor changes it
    private final Map<String, Number> defaults = new HashMap<>();

    HfFamily(String modelType, String architecture, Object... namesAndDefaults) {
        this.modelType = modelType;
        this.architecture = architecture;
        for (int i = 0; i < namesAndDefaults.length; i += 2) {
            defaults.put((String) namesAndDefaults[i], (Number) namesAndDefaults[i + 1]);
        }
    }

    /** Whether transformers has a value for a field that config.json leaves out. */
    boolean has(String field) {
        return defaults.containsKey(field);
    }

    /** What transformers takes for a field that config.json leaves out, 0 where it has no value. */
    double number(String field) {
        return defaults.getOrDefault(field, 0).doubleValue();
    }

    /** As {@link #number(String)}, of a whole number. */
    int integer(String field) {
        return (int) number(field);
    }

    /** Whether expert width is {@code moe_intermediate_size}, and {@code intermediate_size} that of dense layers. */
    boolean qwen() {
        return this == QWEN2_MOE || this == QWEN3_MOE;
    }

    static HfFamily of(JsonFile config) {
        String type = config.text("model_type", "");
        String supported =
                Arrays.stream(values()).map(f -> f.modelType).collect(Collectors.joining(", "))
                        + "; for planning only, " + HfPlanned.names();
        if (!config.has("model_type")) {
            throw config.fail("model_type", "is missing; supported are " + supported);
        }
        if (HfPlanned.has(type)) {
            throw config.fail("model_type", type + " is understood for planning and simulation only;"
                    + " supported are " + supported);
        }
        return named(type)
                .orElseThrow(() -> config.fail(
                        "model_type", Text.printable(type) + " is not supported; supported are " + supported));
    }

    /** The family of a model that {@link HfConfig} read for running. */
    static HfFamily of(ModelConfig config) {
        return named(config.family()).orElseThrow(() -> new IllegalStateException(config.family() + " has no weights"));
    }

    private static Optional<HfFamily> named(String modelType) {
        return Arrays.stream(values()).filter(f -> f.modelType.equals(modelType)).findFirst();
    }
}
