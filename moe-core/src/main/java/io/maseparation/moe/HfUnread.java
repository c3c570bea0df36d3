package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Fields of a config.json that nothing reads. Those that are known to change nothing are passed over; all others are
 * named, since transformers does not read them either, but whoever wrote them may have meant something. Blocks of
 * settings that change numbers elsewhere are refused.
 */
final class HfUnread {
    /** Names of fields that a line has. */
    private static final int NAMED = 8;
    private static final int LONGEST_NAME = 40;

    /** Values that change nothing where a field says that something is there; among them that of an absent one. */
    private static final Set<String> NOTHING = Set.of("", "null", "false", "0", "0.0", "\"\"", "[]", "{}");

    /** Values of a field that change nothing, instead of those; an absent one never does. */
    private static final Map<String, List<String>> NEUTRAL = byName(
            "1 1.0: embedding_multiplier logits_scaling residual_multiplier routed_scaling_factor logit_scale scale_emb"
                    + " embedding_scale rope_ratio depth_scale scale_depth"
                    + " moe_router_topk_scaling_factor decoder_sparse_step moe_layer_freq moe_layer_interval"
                    + " expert_layer_period num_beams num_beam_groups num_return_sequences temperature top_p typical_p"
                    + " repetition_penalty encoder_repetition_penalty length_penalty",
            "0 1: n_group topk_group num_expert_group",
            "50: top_k",
            "\"softmax\": scoring_func moe_router_score_function",
            "\"greedy\": topk_method",
            "true: use_rms_norm rms_norm use_rope rope is_causal causal use_moe is_moe gated_mlp",
            "null: attention_multiplier query_pre_attn_scalar");

    private static final String NORM = "norm_topk_prob";
    private static final String SLIDING = "sliding_window";
    private static final String USES_SLIDING = "use_sliding_window";
    private static final String SLIDING_LAYERS = "max_window_layers";

    /** Fields by which other families and other projects say that something is there. */
    private static final Set<String> NOWHERE = Set.of(
            "alibi", "attn_logit_softcapping", "final_logit_softcapping", "logit_softcapping",
            "router_logit_softcapping", "n_shared_experts", "num_shared_experts", "first_k_dense_replace",
            "moe_router_enable_expert_bias", "use_expert_bias", "mlp_bias", "use_parallel_residual",
            "parallel_residual", "parallel_attn", "rope_local_base_freq", "attention_chunk_size", "pruned_heads",
            "use_bias", "add_bias", "bias", "rope_interleave", "rope_interleaved", "lm_head_bias", "use_qkv_bias",
            "attn_bias", "add_qkv_bias", "moe_use_bias", "use_routing_bias", "num_shared_expert",
            "moe_num_shared_experts", "shared_intermediate_size", "swiglu_limit", "kv_lora_rank", "q_lora_rank",
            "zero_expert_num", "is_encoder_decoder", "add_cross_attention", "attention_sinks", "use_mla",
            "do_sample", "early_stopping", "diversity_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
            "remove_invalid_values", "output_scores", "return_dict_in_generate", "min_length", "num_hash_layers",
            "num_nextn_predict_layers", "no_rope_layers", "expert_layer_offset");

    /** Whether queries and keys are normalised, by any name. */
    private static final Set<String> QK_NORM =
            Set.of("use_qk_norm", "qk_norm", "qk_layernorm", "use_qk_layernorm", "qk_layer_norm");

    private static final Map<String, Set<HfFamily>> SOMEWHERE = Map.ofEntries(
            Map.entry("attention_bias", EnumSet.of(HfFamily.OLMOE, HfFamily.QWEN3_MOE, HfFamily.GRANITE_MOE)),
            Map.entry("attention_multiplier", EnumSet.of(HfFamily.GRANITE_MOE)),
            Map.entry("clip_qkv", EnumSet.of(HfFamily.OLMOE)),
            Map.entry("decoder_sparse_step", EnumSet.of(HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE)),
            Map.entry("embedding_multiplier", EnumSet.of(HfFamily.GRANITE_MOE)),
            Map.entry("logits_scaling", EnumSet.of(HfFamily.GRANITE_MOE)),
            Map.entry("mlp_only_layers", EnumSet.of(HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE)),
            Map.entry("moe_intermediate_size", EnumSet.of(HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE)),
            Map.entry("qkv_bias", EnumSet.of(HfFamily.QWEN2_MOE)),
            Map.entry("residual_multiplier", EnumSet.of(HfFamily.GRANITE_MOE)),
            Map.entry("shared_expert_intermediate_size", EnumSet.of(HfFamily.QWEN2_MOE)),
            Map.entry(SLIDING, EnumSet.of(HfFamily.MIXTRAL, HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE)),
            Map.entry(USES_SLIDING, EnumSet.of(HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE)));

    /** Elements of a head that are rotated, which no field of these families says. */
    private static final String ROTATED = "rotated";

    /** Other projects' names of fields that are read; they contradict nothing where both are the same. */
    private static final Map<String, List<String>> ALIASES = byName(
            "rope_theta: rotary_emb_base rope_base rotary_base",
            "partial_rotary_factor: rotary_pct rotary_percent rope_percent rope_pct",
            "rms_norm_eps: norm_eps layer_norm_eps layer_norm_epsilon norm_epsilon rms_norm_epsilon",
            "hidden_act: hidden_activation activation_function activation hidden_activation_function",
            "num_local_experts num_experts: n_routed_experts moe_num_experts n_experts num_moe_experts",
            "num_experts_per_tok: num_experts_per_token moe_top_k moe_topk moe_k num_selected_experts moe_router_topk",
            "hidden_size: n_embd d_model", "num_hidden_layers: n_layer n_layers num_layers",
            "num_attention_heads: n_head n_heads num_heads", "num_key_value_heads: num_kv_heads n_kv_heads",
            "head_dim: kv_channels head_size attention_head_dim qk_head_dim v_head_dim",
            ROTATED + ": rotary_dim",
            "intermediate_size: ffn_dim ffn_hidden_size n_inner", "moe_intermediate_size: moe_ffn_hidden_size",
            "max_position_embeddings: n_positions n_ctx max_seq_len max_sequence_length seq_length model_max_length",
            "tie_word_embeddings: tie_embeddings tie_weights");

    /** Fields that are read, checked where they are, or of no consequence for what a model computes. */
    private static final Set<String> KNOWN = Stream.of("""
            vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
            hidden_act max_position_embeddings rms_norm_eps num_experts num_local_experts num_experts_per_tok
            norm_topk_prob tie_word_embeddings dtype torch_dtype model_type rope_theta rope_scaling rope_parameters
            partial_rotary_factor original_max_position_embeddings position_embedding_type layer_types eos_token_id
            quantization_config compression_config quantization architectures auto_map
            bos_token_id pad_token_id sep_token_id decoder_start_token_id forced_bos_token_id forced_eos_token_id
            use_cache output_router_logits output_attentions output_hidden_states return_dict torchscript
            use_bfloat16 tf_legacy_loss chunk_size_feed_forward tie_encoder_decoder tie_last_hidden_states
            cross_attention_hidden_size finetuning_task id2label label2id num_labels problem_type tokenizer_class
            prefix name_or_path transformers_version pretraining_tp attn_implementation experts_implementation
            gradient_checkpointing transformers.js_config task_specific_params max_length max_new_tokens library_name
            use_flash_attn use_flash_attention use_flash_attention_2 train_dtype is_decoder
            """.strip().split("\\s+", -1)).collect(Collectors.toUnmodifiableSet());

    /** Fields of other families that change numbers and neither bytes nor operations by more than a few. */
    private static final Set<String> COUNTLESS = Set.of("""
            n_group topk_group topk_method scoring_func routed_scaling_factor norm_topk_prob swiglu_limit
            num_nextn_predict_layers experts_per_token initial_context_length embedding_multiplier logits_scaling
            residual_multiplier attention_multiplier seq_aux moe_use_aux_free moe_gate moe_gate_act moe_norm_min
            moe_capacity ep_size rope_interleave use_rmsnorm qk_head_dim disable_ffn_model_parallel max_sequence_length
            """.strip().split("\\s+", -1));

    /** Names of fields that matter in training only, or to the program that wrote them. */
    private static final Pattern HARMLESS = Pattern.compile(
            "_.*|unsloth.*|.*(dropout|_pdrop|aux_loss|z_loss|jitter|initializer).*");

    /** What a block of settings is about, if it changes numbers: a whole part of its name. */
    private static final Pattern SETTINGS = Pattern.compile(
            "(^|_)(att(entio)?ns?|rope|rotary|moe|routers?|experts?|norms?|mlp|ffn|text|language|llm|lora|peft|adapters?"
                    + "|spars(e|ity)|windows?|layers?|heads?|quant(i[sz](ation|ed))?|compress(ion|ed)?|prun(e|ed|ing)"
                    + "|ssm|mamba|conv|ngram|mla|swa|gptq|awq|bnb)(_|$)");

    private final JsonFile json;
    private final HfFamily family;
    private final ModelConfig config;
    private final boolean planned;

    private HfUnread(JsonFile json, HfFamily family, ModelConfig config, boolean planned) {
        this.json = json;
        this.family = family;
        this.config = config;
        this.planned = planned;
    }

    /** What stands before the colon of each line, by each name behind it. */
    private static Map<String, List<String>> byName(String... lines) {
        Map<String, List<String>> byName = new HashMap<>();
        for (String line : lines) {
            String[] parts = line.split(": ", -1);
            Arrays.stream(parts[1].split(" ", -1)).forEach(name -> byName.put(name, List.of(parts[0].split(" ", -1))));
        }
        return Map.copyOf(byName);
    }

    /**
     * Refuses blocks of settings that would change numbers, if something read them.
     *
     * @throws io.maseparation.files.ModelException naming the first
     */
    static void refuseBlocks(JsonFile json) {
        for (String field : json.fields()) {
            boolean block = json.isObject(field) || json.json(field).startsWith("[{");
            if (block && !NOTHING.contains(json.json(field)) && !KNOWN.contains(field)
                    && !HARMLESS.matcher(field).matches() && SETTINGS.matcher(field).find()) {
                throw json.fail(field, "is a block of settings that is not supported; without it the model would be"
                        + " another one");
            }
        }
    }

    /**
     * Names such fields in one line, if there are any, and says what the file takes itself for.
     *
     * @param config what was read of the file
     * @param planned whether that is for a plan, which has no angles
     */
    static void warn(
            JsonFile json, HfFamily family, ModelConfig config, boolean planned, Consumer<String> warnings) {
        Set<String> fields = new HfUnread(json, family, config, planned).fields();
        if (!fields.isEmpty()) {
            warnings.accept(json.message("", "%s does not read %s; ignored, as in transformers".formatted(
                    family.modelType, named(fields))));
        }
        List<String> architectures = json.texts("architectures");
        if (!architectures.isEmpty() && !architectures.contains(family.architecture)) {
            warnings.accept(json.message("architectures", "names %s: computed as the %s of model_type %s, as in"
                    .formatted(Text.line(Text.shortened(String.join(", ", architectures), 2 * LONGEST_NAME)),
                            family.architecture, family.modelType)
                    + " transformers"));
        }
        if (json.has("auto_map")) {
            warnings.accept(json.message("auto_map", "names code that is not run: computed as the %s of transformers"
                    .formatted(family.architecture)));
        }
    }

    /** The first few of some fields, and how many more there are. */
    static String named(Collection<String> fields) {
        return fields.stream().limit(NAMED).map(f -> Text.line(Text.shortened(f, LONGEST_NAME)))
                .collect(Collectors.joining(", "))
                + (fields.size() > NAMED ? " and %d fields more".formatted(fields.size() - NAMED) : "");
    }

    /**
     * Names fields that neither a plan of a family that nothing here runs reads, nor that are known to change no size.
     *
     * @param json what is left of it when all is read
     */
    static void warnPlanned(JsonFile json, Consumer<String> warnings) {
        List<String> unasked = json.unasked();
        warnUnknown(json, field -> !unasked.contains(field) || KNOWN.contains(field) || COUNTLESS.contains(field)
                || HARMLESS.matcher(field).matches(), warnings);
    }

    /** Names fields of an object that are not known and say something. */
    static void warnUnknown(JsonFile json, Predicate<String> known, Consumer<String> warnings) {
        List<String> unknown = json.fields().stream()
                .filter(field -> !known.test(field) && !NOTHING.contains(json.json(field))).toList();
        if (!unknown.isEmpty()) {
            warnings.accept(json.message("", "has %s, which nothing here reads; left out".formatted(named(unknown))));
        }
    }

    /** Fields that say something that is not computed; first those that change numbers somewhere. */
    private Set<String> fields() {
        Set<String> changing = new LinkedHashSet<>();
        List<String> others = new ArrayList<>();
        for (String field : json.fields()) {
            if (isSwitch(field)) {
                if (!isRead(field) && !isNeutral(field)) {
                    changing.add(field);
                }
            } else if (!KNOWN.contains(field) && !json.isNull(field) && !HARMLESS.matcher(field).matches()) {
                others.add(field);
            }
        }
        // Families that make the weights of a token's experts add up to 1, whatever the configuration says.
        if ((family == HfFamily.MIXTRAL || family == HfFamily.GRANITE_MOE) && json.json(NORM).equals("false")) {
            changing.add(NORM);
        }
        changing.addAll(others);
        return changing;
    }

    private static boolean isSwitch(String field) {
        return NOWHERE.contains(field) || QK_NORM.contains(field) || SOMEWHERE.containsKey(field)
                || ALIASES.containsKey(field) || NEUTRAL.containsKey(field) || field.equals(SLIDING_LAYERS);
    }

    private boolean isRead(String field) {
        return SOMEWHERE.getOrDefault(field, Set.of()).contains(family);
    }

    /** Whether a field that is not read says what is computed anyway. */
    private boolean isNeutral(String field) {
        String value = json.json(field);
        if (json.isNull(field) || ALIASES.getOrDefault(field, List.of()).stream()
                .anyMatch(read -> isSame(value, json.json(read)) || isRead(read, value))) {
            return true;
        }
        if (QK_NORM.contains(field)) {
            return value.equals(String.valueOf(family == HfFamily.OLMOE || family == HfFamily.QWEN3_MOE));
        }
        return switch (field) {
            case SLIDING -> NOTHING.contains(value) || json.json(USES_SLIDING).equals("false");
            case USES_SLIDING -> value.equals(String.valueOf(hasWindow()));
            case SLIDING_LAYERS -> NOTHING.contains(value) || family == HfFamily.QWEN2_MOE || !hasWindow();
            default -> NEUTRAL.containsKey(field)
                    ? NEUTRAL.getOrDefault(field, List.of()).contains(value)
                    : !ALIASES.containsKey(field) && NOTHING.contains(value);
        };
    }

    /** Whether a value is what was read for a field, wherever it stood or if it is the family's own. */
    private boolean isRead(String field, String value) {
        ModelConfig.Heads heads = config.attention().heads();
        Rope rope = config.attention().rope();
        return switch (field) {
            case "rope_theta" -> planned || isSame(value, String.valueOf(rope.theta()));
            case "partial_rotary_factor" -> planned || isSame(value, String.valueOf(rope.partial()));
            case ROTATED -> planned || isSame(value, String.valueOf(2 * rope.pairs(heads.dim())));
            case "head_dim" -> isSame(value, String.valueOf(heads.dim()));
            case "num_key_value_heads" -> isSame(value, String.valueOf(heads.kv()));
            case "hidden_act" -> !json.has(field) && value.equals("\"silu\"");
            case "tie_word_embeddings" -> !json.has(field) && value.equals("false");
            case "num_experts" -> !json.has("num_local_experts") && isAbsent(field, "num_local_experts", value);
            case "num_local_experts" -> !json.has("num_experts") && isAbsent(field, field, value);
            default -> isAbsent(field, field, value);
        };
    }

    private boolean isAbsent(String field, String own, String value) {
        return !json.has(field) && family.has(own) && isSame(value, String.valueOf(family.number(own)));
    }

    private boolean hasWindow() {
        boolean windowed = !NOTHING.contains(json.json(SLIDING)) || (family.qwen() && !json.isNull(SLIDING));
        return windowed && switch (family) {
            case MIXTRAL -> true;
            case QWEN2_MOE, QWEN3_MOE -> json.json(USES_SLIDING).equals("true");
            default -> false;
        };
    }

    private static boolean isSame(String value, String other) {
        try {
            return value.equals(other) || Double.parseDouble(value) == Double.parseDouble(other);
        } catch (NumberFormatException _) {
            return false;
        }
    }
}
