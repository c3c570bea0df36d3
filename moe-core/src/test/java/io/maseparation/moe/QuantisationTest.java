package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Format.Units;
import io.maseparation.moe.segments.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Formats of weights for planning: bytes by hand, and what config.json says of quantised ones. */
class QuantisationTest {
    private static final String MIXTRAL = """
            {"model_type": "mixtral", "torch_dtype": "bfloat16", "hidden_size": 256, "intermediate_size": 128,
             "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2, "num_local_experts": 4,
             "vocab_size": 512, "max_position_embeddings": 4096%s}
            """;
    private static final long ATTENTION = 2 * 256 * (4 + 2) * 64;
    private static final long EXPERT = 3 * 256 * 128;

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private ModelConfig plan(String json) throws IOException {
        Files.writeString(folder.resolve("config.json"), json);
        return HfConfig.plan(folder, warnings::add);
    }

    private ModelConfig quantised(String block) throws IOException {
        return plan(MIXTRAL.formatted(", \"quantization_config\": " + block));
    }

    @ParameterizedTest
    @CsvSource({
        "f32, 4, 4", "bf16, 2, 2", "f16, 2, 2", "fp8, 1.000244140625, 2", "int8, 1, 2", "int4, 0.51953125, 2",
        "mxfp4, 0.53125, 2"
    })
    void bytesOfEveryFormatAreThoseByHand(String id, double bytes, int embedding) throws IOException {
        Format format = Format.named().stream().filter(f -> f.id().equals(id)).findFirst().orElseThrow();
        ModelConfig config = plan(MIXTRAL.formatted("")).withWeightFormat(format);
        ModelSize size = ModelSize.of(config);

        long layer = Math.round(ATTENTION * bytes) + 4 * 2 * 256 + 4 * 4 * 256 + 4 * Math.round(EXPERT * bytes);
        assertThat(size.layers()).extracting(ModelSize.Layer::bytes).containsExactly(layer, layer);
        assertThat(size.embeddingBytes()).isEqualTo(512L * 256 * embedding);
        assertThat(size.weightBytes()).isEqualTo(2 * layer + 2 * 512L * 256 * embedding + 4 * 256);
        assertThat(whole(config).weightBytes(config)).isEqualTo(size.weightBytes());
        assertThat(size.parameters()).isEqualTo(2 * (ATTENTION + 2 * 256 + 4 * 256 + 4 * EXPERT) + 2 * 512 * 256 + 256);
    }

    /** All of a model. */
    static Shard whole(ModelConfig config) {
        List<List<Integer>> experts = config.layers().stream()
                .map(l -> IntStream.range(0, l.routing().experts()).boxed().toList())
                .toList();
        return new Shard(0, config.layers().size(), Optional.of(Shard.Heads.slice(config, 0, 1)),
                Optional.of(new Shard.Experts(experts, true, 0, 1)), true,
                Optional.of(new Shard.Vocabulary(0, config.vocab())));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "{'quant_method': 'fp8', 'weight_block_size': [128, 128]} | fp8 | 8.001953125 | 8.001953125 | 16 | FP8",
        "{'quant_method': 'fp8', 'activation_scheme': 'static'} | fp8 | 8 | 8 | 16 | FP8",
        "{'quant_method': 'gptq', 'bits': 4, 'group_size': 128} | int4 | 4.15625 | 4.15625 | 16 | BF16",
        "{'quant_method': 'gptq', 'bits': 8, 'group_size': 32, 'lm_head': true} | int8 | 8.75 | 8.75 | 8.75 | BF16",
        "{'quant_method': 'gptq', 'bits': 4, 'group_size': -1} | int4 | 4 | 4 | 16 | BF16",
        "{'quant_method': 'gptq', 'bits': 4, 'dynamic': {'-:.*attn': {}}} | int4 | 16 | 4.15625 | 16 | BF16",
        "{'quant_method': 'awq', 'bits': 4, 'group_size': 64, 'zero_point': false,"
                + " 'modules_to_not_convert': ['gate']} | int4 | 4.25 | 4.25 | 16 | BF16",
        "{'quant_method': 'awq', 'bits': 4, 'group_size': 64, 'modules_to_not_convert': ['self_attn']} | int4 | 16"
                + " | 4.3125 | 16 | BF16",
        "{'quant_method': 'mxfp4', 'modules_to_not_convert': ['model.layers.*.self_attn', 'lm_head']} | mxfp4 | 16"
                + " | 4.25 | 16 | BF16",
        "{'quant_method': 'compressed-tensors', 'ignore': ['re:.*self_attn.*', 'lm_head'], 'config_groups': {'group_0':"
                + " {'targets': ['Linear'], 'weights': {'num_bits': 4, 'type': 'int', 'strategy': 'group',"
                + " 'group_size': 32}, 'input_activations': null}}} | int4 | 16 | 4.5 | 16 | BF16",
        "{'quant_method': 'compressed-tensors', 'config_groups': {'group_0': {'targets': ['Linear'], 'weights':"
                + " {'num_bits': 8, 'type': 'int', 'strategy': 'channel'}, 'input_activations': {'num_bits': 8,"
                + " 'type': 'int'}}}} | int8 | 8 | 8 | 8 | INT8",
        "{'quant_method': 'compressed-tensors', 'ignore': ['lm_head'], 'config_groups': {'group_0': {'targets':"
                + " ['re:.*experts.*'], 'weights': {'num_bits': 4, 'type': 'float', 'strategy': 'tensor_group',"
                + " 'group_size': 16}}}} | fp4 | 16 | 4.5 | 16 | BF16",
    })
    void bitsAreReadByGroupOfTensors(
            String block, String id, double attention, double expert, double output, Units units) throws IOException {
        ModelConfig config = quantised(block.replace('\'', '"'));

        for (int layer = 0; layer < 2; layer++) {
            assertThat(config.formats(layer).attention().bits()).isEqualTo(attention, within(1e-9));
            assertThat(config.formats(layer).experts()).isEqualTo(new Format(id, units, expert));
        }
        assertThat(config.outputFormat().bits()).isEqualTo(output, within(1e-9));
        assertThat(ModelSize.of(config).layers().getLast().expertBytes()).isEqualTo(Math.round(EXPERT * expert / 8));
        assertThat(whole(config).weightBytes(config)).isEqualTo(ModelSize.of(config).weightBytes());
        assertThat(config.planningOnly()).isFalse();
    }

    @Test
    void modulesOfSomeLayersAndPartsOfGroupsAreLeftOut() throws IOException {
        ModelConfig config = quantised("""
                {"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0.self_attn",
                 "model.layers.1.self_attn.o_proj", "model.layers.1.block_sparse_moe.experts.3.w2", "experts.1x"]}""");

        assertThat(config.formats(0)).isEqualTo(
                new LayerFormats(Format.BF16, new Format("fp8", Units.FP8, 8), Format.BF16));
        // A third of attention is o_proj; a twelfth of the experts is one matrix of one of them.
        assertThat(config.formats(1).attention().bits()).isEqualTo((2 * 8 + 16) / 3.0, within(1e-9));
        assertThat(config.formats(1).experts().bits()).isEqualTo((11 * 8 + 16) / 12.0, within(1e-9));
        assertThat(config.formats(1).experts().units()).isEqualTo(Units.BF16);
    }

    @Test
    void aCheckpointMayAskForItsCache() throws IOException {
        ModelConfig config = quantised("""
                {"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8, "type": "float"},
                 "config_groups": {"g": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}}}""");

        assertThat(config.numerics().cacheFormat()).contains(new Format("fp8", Units.FP8, 8));
        assertThat(config.withWeightFormat(Format.INT4).numerics().cacheFormat()).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{'quant_method': 'bitsandbytes', 'load_in_4bit': true}", "{'quant_method': 'modelopt'}", "{'bits': 4}",
        "{'quant_method': 'gptq', 'bits': 4, 'dynamic': {'+:.*attn': {'bits': 8}}}",
        "{'quant_method': 'gptq', 'bits': 4, 'modules_in_block_to_quantize': [['a']]}",
        "{'quant_method': 'compressed-tensors', 'config_groups': {}}",
        "{'quant_method': 'compressed-tensors', 'sparsity_config': {'format': 'sparse-24'}, 'config_groups': {}}",
        "{'quant_method': 'fp8', 'weight_block_size': [128]}"
    })
    void whatIsNotUnderstoodIsRefused(String block) {
        assertComplains(() -> {
            try {
                quantised(block.replace('\'', '"'));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }, "config.json: quantization_config");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\"torch_dtype\": \"auto\", ", "\"dtype\": null, \"torch_dtype\": \"auto\", "})
    void anAssumedTypeIsSaid(String none) throws IOException {
        ModelConfig config = plan(MIXTRAL.formatted("").replace("\"torch_dtype\": \"bfloat16\", ", none));

        assertThat(config.weightType()).isEqualTo(DataType.BF16);
        assertThat(warnings).singleElement().asString().contains("names no dtype", "bf16 is assumed");
        warnings.clear();
        // What a plan has no use for.
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"<e>\"}");
        plan(MIXTRAL.formatted(""));
        assertThat(warnings).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"yarn", "llama3", "longrope", "dynamic", "mrope"})
    void noRotaryScalingStopsAPlan(String type) throws IOException {
        ModelConfig plain = plan(MIXTRAL.formatted(""));
        ModelConfig scaled = plan(MIXTRAL.formatted((", \"rope_scaling\": {\"rope_type\": \"%s\", \"factor\": 4.0,"
                + " \"original_max_position_embeddings\": 2048}").formatted(type)));

        assertThat(ModelSize.of(scaled)).isEqualTo(ModelSize.of(plain));
        assertThat(plain.maxPositions()).isEqualTo(4096);
        assertThat(scaled.maxPositions()).isEqualTo(8192);
        assertThat(Collections.frequency(scaled.layers(), plain.layers().getFirst())).isEqualTo(2);
    }
}
