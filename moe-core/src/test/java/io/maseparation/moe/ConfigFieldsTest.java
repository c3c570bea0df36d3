package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static io.maseparation.moe.ContradictionsTest.assertOneLine;
import static io.maseparation.moe.ContradictionsTest.expected;
import static io.maseparation.moe.ContradictionsTest.json;
import static io.maseparation.moe.ContradictionsTest.open;
import static io.maseparation.moe.ContradictionsTest.tiny;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.ContradictionsTest.Opened;
import io.maseparation.moe.testing.SafetensorsWriter;
import io.maseparation.moe.testing.TestCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Fields of a config.json one by one: each is read, named as unread, or refused together with what it contradicts. */
class ConfigFieldsTest {
    @TempDir
    Path temp;

    /** Fields that nothing of some family reads although they say something else than it does. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"norm_topk_prob\": false           | mixtral granitemoe",
        "\"shared_expert_intermediate_size\": 8 | mixtral olmoe qwen3_moe granitemoe",
        "\"moe_intermediate_size\": 10       | mixtral olmoe granitemoe",
        "\"sliding_window\": 3               | olmoe granitemoe",
        "\"attention_bias\": true            | mixtral qwen2_moe",
        "\"qkv_bias\": true                  | mixtral olmoe qwen3_moe granitemoe",
        "\"hidden_activation\": \"gelu\"     | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"num_experts_per_token\": 3        | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"moe_top_k\": 3                    | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"layer_norm_eps\": 0.001           | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"n_routed_experts\": 3             | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"rope_interleave\": true         | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"lm_head_bias\": true            | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"use_qk_norm\": true             | mixtral qwen2_moe granitemoe",
        "\"use_qk_norm\": false            | olmoe qwen3_moe",
        "\"rotary_pct\": 0.25               | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"rotary_emb_base\": 77            | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"attn_logit_softcapping\": 30.0   | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"logit_scale\": 0                 | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"attention_multiplier\": 1        | mixtral olmoe qwen2_moe qwen3_moe",
        "\"embedding_multiplier\": 12       | mixtral olmoe qwen2_moe qwen3_moe",
        "\"clip_qkv\": 1                    | mixtral qwen2_moe qwen3_moe granitemoe",
        "\"parallel_residual\": true        | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"mlp_bias\": true                 | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"n_group\": 2                     | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"first_k_dense_replace\": 1       | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"use_rope\": false                | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"use_sliding_window\": true       | mixtral olmoe granitemoe",
        "\"mlp_layer_types\": [\"dense\"]   | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"repetition_penalty\": 1.2        | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"frobnication\": 0                | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"frobnicate\": {\"a\": 1}         | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"shared_intermediate_size\": 8   | mixtral olmoe qwen2_moe qwen3_moe granitemoe",
        "\"moe_layer_freq\": 2               | mixtral olmoe qwen2_moe qwen3_moe granitemoe"})
    void aFieldThatWouldSaySomethingElseIsNamed(String field, String families) {
        for (HfFamily family : HfFamily.values()) {
            if (!families.contains(family.modelType)) {
                continue;
            }
            TestCheckpoint model = tiny(family);
            double[] expected = expected(model);
            model.config.setAll(json("{" + field + "}"));
            Opened opened = open(model.write(temp));
            assertThat(opened.logits()).as(family.modelType).containsExactly(expected, within(1e-5));
            assertOneLine(opened, "config.json: " + family.modelType + " does not read ",
                    field.replaceAll("\"(\\w+)\".*", "$1"));
        }
    }

    /** What another name says again, or what is computed anyway, is nothing to speak of. */
    @ParameterizedTest
    @EnumSource
    void aFieldThatSaysTheSameIsNotNamed(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(
                json("""
                        {"rope_theta": 10000, "rotary_emb_base": 10000.0, "n_routed_experts": 5, "moe_top_k": 2, "d_model": 24,
                         "hidden_activation": "silu", "layer_norm_eps": 0.000001, "use_qk_norm": %s, "routed_scaling_factor": 1.0,
                         "embedding_dropout": 0.1, "router_z_loss_coef": 0.1, "_something": {"layer": 1}, "frobnication": null,
                         "max_length": 99, "temperature": 1, "top_k": 50, "max_window_layers": 2}"""
                        .formatted(family == HfFamily.OLMOE || family == HfFamily.QWEN3_MOE)));
        assertThat(open(model.write(temp)).lines()).isEmpty();
    }

    /** What is compared is what was read, from wherever: an object, another field or the family. */
    @ParameterizedTest
    @EnumSource
    void anotherNameOfWhatWasReadIsNotNamed(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.remove("rope_parameters");
        model.config.putNull("head_dim");
        model.config.setAll(json("""
                {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}, "rotary_emb_base": 500,
                 "kv_channels": 6, "rotary_dim": 6, "rotary_pct": 1.0, "activation_function": "silu"}"""));
        assertThat(open(model.write(temp)).lines()).isEmpty();
        model.config.setAll(json("""
                {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default", "partial_rotary_factor": 0.7},
                 "rotary_dim": 4, "rotary_pct": 0.7}"""));
        assertOneLine(open(model.write(temp)), "partial_rotary_factor is used");
        model.config.put("rotary_dim", 6).put("rotary_pct", 1).put("kv_channels", 4).put("rotary_emb_base", 10000);
        assertThat(open(model.write(temp)).lines()).hasSize(2).anySatisfy(line -> assertThat(line)
                .contains("does not read", "rotary_dim", "rotary_pct", "kv_channels", "rotary_emb_base"));
    }

    /** As {@code to_json_file(use_diff=False)} of transformers 4 writes it. */
    @ParameterizedTest
    @EnumSource
    void aWholeDumpIsKnown(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.setAll(json("""
                {"return_dict": true, "output_hidden_states": false, "output_attentions": false, "torchscript": false,
                 "torch_dtype": null, "use_bfloat16": false, "tf_legacy_loss": false, "pruned_heads": {},
                 "tie_word_embeddings": false, "chunk_size_feed_forward": 0, "is_encoder_decoder": false,
                 "is_decoder": false, "cross_attention_hidden_size": null, "add_cross_attention": false,
                 "tie_encoder_decoder": false, "max_length": 20, "min_length": 0, "do_sample": false,
                 "early_stopping": false, "num_beams": 1, "num_beam_groups": 1, "diversity_penalty": 0.0,
                 "temperature": 1.0, "top_k": 50, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0,
                 "length_penalty": 1.0, "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0,
                 "bad_words_ids": null, "num_return_sequences": 1, "output_scores": false,
                 "return_dict_in_generate": false, "forced_bos_token_id": null, "forced_eos_token_id": null,
                 "remove_invalid_values": false, "exponential_decay_length_penalty": null, "suppress_tokens": null,
                 "begin_suppress_tokens": null, "architectures": null, "finetuning_task": null,
                 "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1},
                 "tokenizer_class": null, "prefix": null, "bos_token_id": null, "pad_token_id": null,
                 "eos_token_id": null, "sep_token_id": null, "decoder_start_token_id": null,
                 "task_specific_params": null, "problem_type": null, "_name_or_path": "",
                 "_attn_implementation_autoset": false, "transformers_version": "4.57.1"}"""));
        assertThat(open(model.write(temp)).lines()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void manyFieldsAreCountedAndTheFirstNamed(HfFamily family) {
        TestCheckpoint model = tiny(family);
        for (int i = 10; i < 60; i++) {
            model.config.put("field%d-%s\n".formatted(i, "x".repeat(300)), i);
        }
        model.config.put("final_logit_softcapping", 30);
        Opened opened = open(model.write(temp));
        assertOneLine(opened, family.modelType + " does not read final_logit_softcapping, field10-x", "field16-x",
                " and 43 fields more; ignored");
        assertThat(opened.lines().getFirst()).doesNotContain("field17");
    }

    /** Of real checkpoints every field is known. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "MIXTRAL | \"bos_token_id\": 1, \"sliding_window\": null, \"router_jitter_noise\": 0.0, \"rope_theta\": 1000000.0, \"head_dim\": null, \"attn_implementation\": \"sdpa\", \"num_labels\": 2",
        "OLMOE | \"clip_qkv\": null, \"norm_topk_prob\": false, \"rope_scaling\": null, \"rope_theta\": 10000.0, \"attention_bias\": false, \"pad_token_id\": 1, \"eos_token_id\": 37",
        "QWEN2_MOE | \"decoder_sparse_step\": 1, \"max_window_layers\": 21, \"norm_topk_prob\": false, \"sliding_window\": 32768, \"use_sliding_window\": false, \"bos_token_id\": 33, \"mlp_only_layers\": []",
        "QWEN3_MOE | \"decoder_sparse_step\": 1, \"max_window_layers\": 62, \"norm_topk_prob\": true, \"sliding_window\": null, \"use_sliding_window\": false, \"qkv_bias\": false, \"shared_expert_intermediate_size\": 0, \"use_qk_norm\": true, \"head_dim\": 6",
        "QWEN3_MOE | \"max_window_layers\": 48, \"sliding_window\": 4096, \"use_sliding_window\": false, \"attention_bias\": false, \"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\"]",
        "GRANITE_MOE | \"attention_bias\": false, \"attention_multiplier\": 0.4, \"embedding_multiplier\": 12.0, \"logits_scaling\": 6.0, \"residual_multiplier\": 0.22, \"rope_theta\": 10000, \"mlp_bias\": false"})
    void fieldsOfPublishedConfigurationsAreKnown(HfFamily family, String own) {
        TestCheckpoint model = tiny(family);
        model.config.remove("rope_parameters");
        model.config.setAll(json("""
                {"_name_or_path": "org/name", "architectures": ["%s"], "attention_dropout": 0.1, "eos_token_id": [2, 3],
                 "initializer_range": 0.02, "output_router_logits": false, "router_aux_loss_coef": 0.001,
                 "tie_word_embeddings": false, "transformers_version": "4.36.0.dev0", "use_cache": true,
                 "pad_token_id": 0, "unsloth_fixed": true, "id2label": {"0": "A"}, "label2id": {"A": 0}, %s}"""
                .formatted(family.architecture, own)));
        assertThat(open(model.write(temp)).lines()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void anArchitectureThatIsNotTheModelTypesIsSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        for (String architecture : List.of("LlamaForCausalLM", family.architecture.replace("CausalLM", "X"))) {
            model.config.putArray("architectures").add(architecture);
            Opened opened = open(model.write(temp));
            assertThat(opened.logits()).containsExactly(expected, within(1e-5));
            assertOneLine(opened, "config.json: architectures names " + architecture, family.architecture,
                    "model_type");
        }
        model.config.putArray("architectures").add("Other").add(family.architecture);
        assertThat(open(model.write(temp)).lines()).isEmpty();
        model.config.putObject("auto_map").put("AutoModelForCausalLM", "modeling_x.Model");
        assertOneLine(open(model.write(temp)), "config.json: auto_map names code that is not run", family.architecture);
    }

    @ParameterizedTest
    @CsvSource({"dual_chunk_attention_config", "sparse_attention_config", "text_config", "per_layer_config",
        "moe_config",
        "attn_config", "ffn_config", "lora_config", "router", "layer_overrides", "quant_settings"})
    void aBlockOfSettingsThatWouldChangeNumbersIsRefused(String block) {
        for (HfFamily family : HfFamily.values()) {
            TestCheckpoint model = tiny(family);
            model.config.putObject(block).put("chunk_size", 2);
            model.write(temp);
            assertComplains(() -> Checkpoint.open(temp), "config.json: " + block + " is a block of settings");
            assertThat(HfConfig.read(temp).hidden()).as("planning").isEqualTo(24);
            model.config.putObject(block);
            model.write(temp);
            assertThat(open(temp).config().hidden()).as("an empty one").isEqualTo(24);
        }
    }

    /** A part of a name is a whole one, and a list of blocks is one, too. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "conversation_config | {\"a\": 1} | false", "context_info        | {\"a\": 1} | false",
        "overheads           | {\"a\": 1} | false", "normalizer_config   | {\"a\": 1} | false",
        "attention_notes     | [\"{\"]    | false", "training_history    | [{\"a\": 1}] | false",
        "sparsity_config     | {\"a\": 1} | true", "attention           | [{\"window\": 3}] | true",
        "conv                | {\"a\": 1} | true", "my_experts_config   | {\"a\": 1} | true"})
    void blocksAreKnownByWholePartsOfTheirNames(String field, String value, boolean refused) {
        TestCheckpoint model = tiny(HfFamily.OLMOE);
        model.config.setAll(json("{\"%s\": %s}".formatted(field, value)));
        model.write(temp);
        if (refused) {
            assertComplains(() -> Checkpoint.open(temp), "config.json: " + field + " is a block of settings");
        } else {
            assertOneLine(open(temp), "does not read " + field);
        }
    }

    /** Peft's loader would change the weights by it. */
    @ParameterizedTest
    @EnumSource
    void anAdapterBesideTheWeightsIsRefused(HfFamily family) throws IOException {
        tiny(family).write(temp);
        Path adapter = temp.resolve("adapter_config.json");
        SafetensorsWriter.text(adapter, "{\"peft_type\": \"LORA\"}");
        assertComplains(() -> Checkpoint.open(temp), "adapter_config.json: an adapter's weights are not supported");
        Files.delete(temp.resolve("config.json"));
        assertComplains(() -> Checkpoint.open(temp), "adapter_config.json: an adapter's weights are not supported");
    }

    @ParameterizedTest
    @EnumSource
    void twoNamesOfTheNumberFormatThatDifferAreSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        // The one that is not used need not be supported.
        for (String other : List.of("bfloat16", "float8_e4m3fn")) {
            model.config.put("torch_dtype", other);
            Opened opened = open(model.write(temp));
            assertThat(opened.logits()).containsExactly(expected, within(1e-5));
            assertOneLine(opened, "config.json", "dtype and torch_dtype contradict each other");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"OLMOE", "QWEN2_MOE", "QWEN3_MOE"})
    void aNumberOfExpertsThatIsNullIsNotTheUsualOne(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.putNull("num_experts");
        assertComplains(() -> open(model.write(temp)), "num_experts is null");
    }

    /** What transformers fails with, too, or could mean either of two things. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"hidden_act\": null                             | hidden_act is null",
        "\"num_experts_per_tok\": null                    | num_experts_per_tok is null",
        "\"rms_norm_eps\": null                           | rms_norm_eps is null",
        "\"vocab_size\": null                             | vocab_size is null",
        "\"num_local_experts\": 4, \"num_experts\": 5     | num_local_experts is 4, but num_experts is 5",
        "\"num_local_experts\": null                      | num_local_experts is null",
        "\"num_local_experts\": 4                         | [5, 24], config.json says [4, 24] (number of experts",
        "\"num_key_value_heads\": 4                       | k_proj.weight has shape [12, 24], config.json says [24, 24]",
        "\"head_dim\": 12                                 | q_proj.weight has shape [24, 24], config.json says [48, 24]",
        "\"vocab_size\": 39                               | embed_tokens.weight has shape [40, 24], config.json says [39",
        "\"hidden_act\": \"swiglu\"                       | hidden_act swiglu is not supported",
        "\"num_hidden_layers\": 4                         | tensor model.layers.3.input_layernorm.weight is missing",
        "\"rms_norm_eps\": \"1e-6\"                       | rms_norm_eps is not a finite number",
        "\"rms_norm_eps\": -1e-6                          | rms_norm_eps is -1.0E-6",
        "\"rms_norm_eps\": NaN                            | at rms_norm_eps",
        "\"rms_norm_eps\": Infinity                       | at rms_norm_eps",
        "\"rope_parameters\": {\"rope_theta\": 0}         | rope_theta is 0.0",
        "\"rope_parameters\": {\"rope_theta\": -1}        | rope_theta is -1.0",
        "\"rope_parameters\": {\"rope_theta\": \"10000\"} | rope_parameters: rope_theta is not a finite number",
        "\"partial_rotary_factor\": 1.5                   | partial_rotary_factor 1.5 of head_dim 6",
        "\"partial_rotary_factor\": -0.5                  | partial_rotary_factor -0.5 of head_dim 6",
        "\"tie_word_embeddings\": \"true\"                | tie_word_embeddings is neither true nor false",
        "\"num_experts_per_tok\": 6                       | num_experts_per_tok 6 is more than",
        "\"dtype\": \"float8_e4m3fn\"                     | dtype float8_e4m3fn is not supported",
        "\"eos_token_id\": -1                             | eos_token_id is -1",
        "\"hidden_size\": 24, \"hidden_size\": 24         | Duplicate field \"hidden_size\""})
    void whatContradictsItselfOrTheTensorsIsRefusedByName(String fields, String complaint) throws IOException {
        for (HfFamily family : HfFamily.values()) {
            TestCheckpoint model = tiny(family);
            model.write(temp);
            Pattern.compile("\"(\\w+)\":").matcher(fields).results()
                    .forEach(name -> model.config.remove(name.group(1)));
            SafetensorsWriter.text(temp.resolve("config.json"),
                    "{" + fields + ", " + model.config.toString().substring(1));
            assertComplains(() -> Checkpoint.open(temp), complaint);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEndOfSequenceThatNoTokenCanBeIsSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        model.config.put("eos_token_id", 39);
        assertThat(open(model.write(temp)).lines()).isEmpty();
        model.config.putArray("eos_token_id").add(3).add(40);
        assertOneLine(open(model.write(temp)),
                "config.json: the end-of-sequence token 40 is outside the vocabulary of 40");
        SafetensorsWriter.text(temp.resolve("generation_config.json"), "{\"eos_token_id\": 41}");
        assertOneLine(open(temp), "token 41 is outside");
    }

    @ParameterizedTest
    @EnumSource(names = {"QWEN2_MOE", "QWEN3_MOE"})
    void denseLayersThatAreNotThereAreSaid(HfFamily family) {
        TestCheckpoint model = tiny(family);
        double[] expected = expected(model);
        model.config.putArray("mlp_only_layers").add(3);
        Opened opened = open(model.write(temp));
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, "config.json: mlp_only_layers names layers that the 3 of num_hidden_layers do not have");
    }

    /** Kernels scale attention's scores after what is not there has been set to minus infinity. */
    @Test
    void aMultiplierOfAttentionIsAboveZero() {
        for (String value : List.of("0", "-0.5", "1e-50")) {
            TestCheckpoint model = tiny(HfFamily.GRANITE_MOE);
            model.config.setAll(json("{\"attention_multiplier\": " + value + "}"));
            assertComplains(() -> open(model.write(temp)), "config.json: attention_multiplier is ", "not above 0");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"use_sliding_window\": true, \"sliding_window\": null | sliding_window is null",
        "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\"] | layer_types has sliding_attention for layer 0",
        "\"use_sliding_window\": true, \"sliding_window\": 0, \"layer_types\": [\"full_attention\", \"sliding_attention\", \"full_attention\"] | layer_types has sliding_attention for layer 1"})
    void aSlidingLayerHasAWindow(String fields, String complaint) {
        TestCheckpoint model = tiny(HfFamily.QWEN2_MOE);
        model.config.setAll(json("{" + fields + "}"));
        assertComplains(() -> open(model.write(temp)), "config.json: " + complaint);
    }

    /** Fields of windows that contradict each other: computed as transformers does, and said. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "mixtral | \"use_sliding_window\": false, \"sliding_window\": 3 | 3 3 3 | does not read use_sliding_window",
        "mixtral | \"use_sliding_window\": true, \"sliding_window\": 3  | 3 3 3 |",
        "mixtral | \"max_window_layers\": 1, \"sliding_window\": 3      | 3 3 3 | does not read max_window_layers",
        "qwen3_moe | \"use_sliding_window\": true, \"sliding_window\": null | 0 0 0 | use_sliding_window is true and sliding_window null",
        "qwen3_moe | \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 1 | 3 3 3 | does not read max_window_layers",
        "qwen3_moe | \"use_sliding_window\": false, \"sliding_window\": 3, \"max_window_layers\": 1 | 0 0 0 |",
        "qwen2_moe | \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 1 | 3 0 0 |",
        "qwen2_moe | \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 1, \"layer_types\": [\"full_attention\", \"sliding_attention\", \"full_attention\"] | 0 3 0 | max_window_layers 1 would give other layers a window",
        "qwen2_moe | \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 3, \"layer_types\": [\"sliding_attention\", \"full_attention\", \"sliding_attention\"] | 3 0 3 |",
        "olmoe | \"sliding_window\": 3, \"use_sliding_window\": true | 0 0 0 | does not read sliding_window, use_sliding_window",
        "granitemoe | \"sliding_window\": 3, \"use_sliding_window\": false | 0 0 0 |"})
    void fieldsOfWindowsThatContradictEachOtherAreSaid(String family, String fields, String windows, String line) {
        TestCheckpoint model = tiny(Arrays.stream(HfFamily.values()).filter(f -> f.modelType.equals(family)).findFirst()
                .orElseThrow());
        model.config.setAll(json("{" + fields + "}"));
        Opened opened = open(model.write(temp));
        assertThat(opened.config().layers()).extracting(ModelConfig.Layer::slidingWindow).containsExactly(
                Arrays.stream(windows.split(" ")).map(Integer::valueOf).toArray(Integer[]::new));
        if (line == null) {
            assertThat(opened.lines()).isEmpty();
        } else {
            assertOneLine(opened, line);
        }
    }

    @Test
    void aSingleFileIsUsedRatherThanTheShardsBesideIt() throws IOException {
        TestCheckpoint model = tiny(HfFamily.OLMOE);
        double[] expected = expected(model);
        model.write(temp);
        TestCheckpoint.of("olmoe", "{}", 12).writer().writeSharded(temp, 2);
        Opened opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, "model.safetensors: is used, and not what model.safetensors.index.json beside it names");
    }

    @Test
    void tensorsOfAShardThatTheIndexLeavesOutAreReadOrNamed() throws IOException {
        TestCheckpoint model = tiny(HfFamily.MIXTRAL);
        double[] expected = expected(model);
        model.writeConfig(temp).writer().add("odd.bias", "F32", new float[] {1}, 1).writeSharded(temp, 2);
        Path index = temp.resolve(Safetensors.INDEX);
        SafetensorsWriter.text(index, Files.readString(index)
                .replaceAll("\"(odd.bias|model.norm.weight)\":\"[^\"]*\",?", "").replace(",}", "}"));
        Opened opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertOneLine(opened, "nothing reads 1 of the tensors, odd.bias");
        // The first shard gets another copy of a tensor that the index has in the second.
        SafetensorsWriter first = new SafetensorsWriter();
        Path file = temp.resolve("model-00001-of-00002.safetensors");
        String twice;
        try (Safetensors one = Safetensors.open(file);
                Safetensors two = Safetensors.open(temp.resolve("model-00002-of-00002.safetensors"))) {
            one.names().forEach(name -> first.add(name, "F32", one.floats(name), model.shapes.getOrDefault(name,
                    new long[] {1})));
            twice = two.names().stream().filter(name -> name.endsWith("layernorm.weight")).findFirst().orElseThrow();
        }
        first.add(twice, "F32", new float[24], 24).write(file);
        opened = open(temp);
        assertThat(opened.logits()).containsExactly(expected, within(1e-5));
        assertThat(opened.lines()).hasSize(2).anySatisfy(
                line -> assertThat(line).contains("several shards hold it; this copy is used", twice));
    }
}
