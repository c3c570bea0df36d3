package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Fields of a config.json that change numbers in some family, but not in the one at hand: transformers does not read
 * them there either. Whoever wrote them may have meant something, so they are named.
 */
final class HfUnread {
    /** Values that change nothing, whatever the field; among them that of an absent one. */
    private static final Set<String> NOTHING = Set.of("", "null", "false", "0", "0.0", "\"\"", "[]", "{}");

    /** Values of a field that change nothing, beside those. */
    private static final Map<String, Set<String>> NEUTRAL = Map.of(
            "decoder_sparse_step", Set.of("1"),
            "embedding_multiplier", Set.of("1", "1.0"),
            "logits_scaling", Set.of("1", "1.0"),
            "residual_multiplier", Set.of("1", "1.0"),
            "routed_scaling_factor", Set.of("1", "1.0"),
            "scoring_func", Set.of("\"softmax\""),
            "moe_layer_freq", Set.of("1"),
            "n_group", Set.of("1"),
            "topk_group", Set.of("1"),
            "topk_method", Set.of("\"greedy\""));

    private static final String NORM = "norm_topk_prob";

    private static final List<String> NOWHERE = List.of(
            "alibi", "attn_logit_softcapping", "final_logit_softcapping", "logit_softcapping",
            "router_logit_softcapping", "query_pre_attn_scalar", "logit_scale", "scale_emb", "embedding_scale",
            "routed_scaling_factor", "scoring_func", "n_group", "topk_group", "topk_method", "n_shared_experts",
            "num_shared_experts", "first_k_dense_replace", "moe_router_enable_expert_bias", "use_expert_bias",
            "mlp_bias", "use_parallel_residual", "rope_local_base_freq", "attention_chunk_size", "text_config",
            "pruned_heads", "use_bias", "add_bias", "hidden_activation", "activation_function", "norm_eps",
            "layer_norm_eps", "layer_norm_epsilon", "ffn_dim", "n_routed_experts", "moe_num_experts",
            "moe_layer_freq", "num_experts_per_token", "moe_top_k", "moe_topk", "rope_interleave", "rope_interleaved",
            "lm_head_bias", "use_qk_norm", "qk_layernorm", "use_qkv_bias", "attn_bias", "moe_use_bias",
            "use_routing_bias", "num_shared_expert", "moe_num_shared_experts", "shared_intermediate_size",
            "swiglu_limit", "kv_lora_rank", "zero_expert_num", "expert_layer_period", "is_encoder_decoder");

    private static final Map<String, Set<HfFamily>> SOMEWHERE = new TreeMap<>(Map.ofEntries(
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
            Map.entry("sliding_window", EnumSet.of(HfFamily.MIXTRAL, HfFamily.QWEN2_MOE, HfFamily.QWEN3_MOE))));

    /** Families that make the weights of a token's experts add up to 1, whatever the configuration says. */
    private static final Set<HfFamily> NORMALISED = EnumSet.of(HfFamily.MIXTRAL, HfFamily.GRANITE_MOE);

    private HfUnread() {}

    /** Names such fields in one line, if there are any. */
    static void warn(JsonFile json, HfFamily family, Consumer<String> warnings) {
        List<String> fields = new ArrayList<>(NOWHERE);
        SOMEWHERE.forEach((field, families) -> {
            if (!families.contains(family)) {
                fields.add(field);
            }
        });
        fields.removeIf(field -> NOTHING.contains(json.json(field))
                || NEUTRAL.getOrDefault(field, Set.of()).contains(json.json(field)));
        if (NORMALISED.contains(family) && json.json(NORM).equals("false")) {
            fields.add(NORM);
        }
        if (!fields.isEmpty()) {
            warnings.accept(json.message("", "%s does not read %s; ignored, as in transformers"
                    .formatted(family.modelType, String.join(", ", fields))));
        }
    }
}
