package io.maseparation.moe;

import static io.maseparation.moe.Complaints.assertComplains;
import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.testing.SafetensorsWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HfConfigTest {
    @TempDir
    Path temp;

    private ModelConfig read(String json) {
        SafetensorsWriter.text(temp.resolve("config.json"), json);
        return HfConfig.read(temp);
    }

    @Test
    void bothDialectsMeanTheSame() {
        ModelConfig four = read("""
                {"model_type": "mixtral", "rope_theta": 7e5, "torch_dtype": "bfloat16", "num_local_experts": 4,
                 "rope_scaling": {"type": "linear", "factor": 4}}""");
        ModelConfig five = read("""
                {"model_type": "mixtral", "dtype": "bfloat16", "num_experts": 4, "rope_scaling": null, "head_dim": null,
                 "rope_parameters": {"rope_theta": 7e5, "rope_type": "linear", "factor": 4.0}}""");
        assertThat(five).isEqualTo(four);
        assertThat(five.attention().rope()).isEqualTo(new Rope(7e5, 4));
        assertThat(five.weightType()).isEqualTo(DataType.BF16);
        assertThat(five.maxExperts()).isEqualTo(4);
        assertThat(five.name()).isEqualTo(temp.getFileName().toString());
    }

    @Test
    void whatIsLeftOutIsAsInTransformers() {
        ModelConfig mixtral = read("{\"model_type\": \"mixtral\"}");
        assertThat(mixtral.attention().rope()).isEqualTo(new Rope(1e6, 1));
        assertThat(mixtral.kvHeads()).isEqualTo(8);
        assertThat(mixtral.vocabulary().eosTokens()).containsExactly(2);
        assertThat(mixtral.layers()).hasSize(32).allSatisfy(l -> {
            assertThat(l.routing().renormalise()).isTrue();
            assertThat(l.expertWidth()).isEqualTo(14336);
            assertThat(l.slidingWindow()).isZero();
        });
        ModelConfig olmoe = read("{\"model_type\": \"olmoe\"}");
        assertThat(olmoe.qkNorm()).isEqualTo(QkNorm.WHOLE);
        assertThat(olmoe.kvHeads()).isEqualTo(16);
        assertThat(olmoe.vocabulary().eosTokens()).containsExactly(50279);
        assertThat(olmoe.layers().getFirst().routing())
                .isEqualTo(new Routing(64, 8, Routing.Rule.SOFTMAX_THEN_TOP_K, false, Routing.Extra.NONE));
        ModelConfig qwen2 = read("{\"model_type\": \"qwen2_moe\"}");
        assertThat(qwen2.attention().qkvBias()).isTrue();
        assertThat(qwen2.attention().outputBias()).isFalse();
        assertThat(qwen2.vocabulary().eosTokens()).isEmpty();
        assertThat(qwen2.layers().getFirst().extraWidth()).isEqualTo(5632);
        assertThat(qwen2.layers().getFirst().routing().extra()).isEqualTo(Routing.Extra.SIGMOID_GATE);
        ModelConfig qwen3 = read("{\"model_type\": \"qwen3_moe\", \"head_dim\": 128, \"eos_token_id\": [1, 2]}");
        assertThat(qwen3.queryWidth()).isEqualTo(4096);
        assertThat(qwen3.normEps()).isEqualTo(1e-6f);
        assertThat(qwen3.qkNorm()).isEqualTo(QkNorm.PER_HEAD);
        assertThat(qwen3.vocabulary().eosTokens()).containsExactly(1, 2);
        ModelConfig granite = read("{\"model_type\": \"granitemoe\", \"logits_scaling\": 8, \"eos_token_id\": null}");
        assertThat(granite.attention().scale()).isEqualTo(1);
        assertThat(granite.numerics().logitsScale()).isEqualTo(0.125f);
        assertThat(granite.vocabulary().eosTokens()).isEmpty();
        assertThat(granite.kvHeads()).isEqualTo(32);
    }

    @Test
    void endOfSequenceComesFromTheGenerationConfigWhereItNamesSome() {
        SafetensorsWriter.text(temp.resolve("generation_config.json"), "{\"eos_token_id\": [7, 9]}");
        assertThat(read("{\"model_type\": \"mixtral\"}").vocabulary().eosTokens()).containsExactly(7, 9);
        SafetensorsWriter.text(temp.resolve("generation_config.json"), "{\"top_p\": 0.8}");
        assertThat(read("{\"model_type\": \"mixtral\"}").vocabulary().eosTokens()).containsExactly(2);
    }

    @Test
    void windowsAndDenseLayersAreWhereTransformersHasThem() {
        ModelConfig listed = read("""
                {"model_type": "qwen2_moe", "num_hidden_layers": 4, "use_sliding_window": true, "sliding_window": 9,
                 "layer_types": ["full_attention", "sliding_attention", "full_attention", "sliding_attention"]}""");
        assertThat(listed.layers()).extracting(ModelConfig.Layer::slidingWindow).containsExactly(0, 9, 0, 9);
        ModelConfig unused = read("{\"model_type\": \"qwen3_moe\", \"sliding_window\": 9, \"num_hidden_layers\": 2}");
        assertThat(unused.layers()).extracting(ModelConfig.Layer::slidingWindow).containsExactly(0, 0);
        ModelConfig dense =
                read("""
                        {"model_type": "qwen3_moe", "num_hidden_layers": 6, "decoder_sparse_step": 2, "mlp_only_layers": [3]}""");
        assertThat(dense.layers()).extracting(ModelConfig.Layer::expertWidth).containsExactly(0, 768, 0, 0, 0, 768);
        assertThat(dense.layers()).extracting(ModelConfig.Layer::extraWidth).containsExactly(6144, 0, 6144, 6144, 6144,
                0);
    }

    @ParameterizedTest
    @CsvSource({"silu, SILU", "swish, SILU", "gelu_pytorch_tanh, GELU_TANH", "gelu_new, GELU_TANH", "relu, RELU",
        "gelu, GELU"})
    void knowsActivations(String name, Activation activation) {
        assertThat(read("{\"model_type\": \"mixtral\", \"hidden_act\": \"%s\"}".formatted(name)).feedForward()
                .activation())
                .isEqualTo(activation);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{}                                                              | model_type is missing; supported are mixtral, olmoe,",
        "{\"model_type\": \"llama\"}                                     | llama is not supported; supported are mixtral, olmoe, qwen2_moe, qwen3_moe, granitemoe",
        "{\"model_type\": 3}                                             | model_type is not a string",
        "{\"model_type\": \"mixtral\", \"hidden_size\": 0}               | hidden_size is 0",
        "{\"model_type\": \"mixtral\", \"hidden_size\": -64}             | hidden_size is -64",
        "{\"model_type\": \"mixtral\", \"hidden_size\": 1e30}            | hidden_size is 1.0E30",
        "{\"model_type\": \"mixtral\", \"hidden_size\": \"64\"}          | hidden_size is not a whole number",
        "{\"model_type\": \"mixtral\", \"hidden_size\": 64.5}            | hidden_size is not a whole number",
        "{\"model_type\": \"mixtral\", \"hidden_size\": 4098}            | num_attention_heads 32 does not divide hidden_size 4098",
        "{\"model_type\": \"mixtral\", \"num_key_value_heads\": 5}       | num_key_value_heads 5 does not divide num_attention_heads 32",
        "{\"model_type\": \"mixtral\", \"num_hidden_layers\": 99999999}  | num_hidden_layers is 99999999",
        "{\"model_type\": \"mixtral\", \"head_dim\": 7}                  | head_dim 7 is odd",
        "{\"model_type\": \"mixtral\", \"head_dim\": 65536, \"num_attention_heads\": 65536} | absurdly many",
        "{\"model_type\": \"mixtral\", \"vocab_size\": 50000000}         | vocab_size 50000000",
        "{\"model_type\": \"mixtral\", \"num_experts_per_tok\": 9}       | num_experts_per_tok 9 is more than num_local_experts 8",
        "{\"model_type\": \"mixtral\", \"num_experts_per_tok\": 0}       | num_experts_per_tok is 0",
        "{\"model_type\": \"mixtral\", \"num_local_experts\": 0}         | num_local_experts is 0",
        "{\"model_type\": \"mixtral\", \"rms_norm_eps\": 0}              | rms_norm_eps is 0.0, which is not above 0",
        "{\"model_type\": \"mixtral\", \"rms_norm_eps\": 1e-60}          | rms_norm_eps is 0.0",
        "{\"model_type\": \"mixtral\", \"rope_theta\": -1}               | rope_theta is -1.0",
        "{\"model_type\": \"mixtral\", \"rope_theta\": 1e999}            | rope_theta is not a finite number",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": -4}} | rope_scaling: factor is -4.0, which is not above 0",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"rope_type\": \"dynamic\"}} | rope_scaling: factor of dynamic scaling is missing",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 4, \"low_freq_factor\": 2}} | rope_scaling: high_freq_factor is missing",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 4, \"low_freq_factor\": 2, \"high_freq_factor\": 2}} | high_freq_factor 2.0 is not above",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"type\": \"su\", \"short_factor\": [1, 2]}} | rope_scaling: short_factor is not a list of 64 numbers",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"type\": \"longrope\", \"long_factor\": [\"x\"]}} | rope_scaling: long_factor is not a finite number",
        "{\"model_type\": \"mixtral\", \"rope_theta\": 1, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"truncate\": 3}} | truncate is neither",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"mscale\": -90, \"mscale_all_dim\": 1}} | rope_scaling gives frequencies",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": {\"type\": \"linear\"}} | rope_scaling: factor of linear scaling",
        "{\"model_type\": \"mixtral\", \"rope_scaling\": 4}              | rope_scaling is not an object",
        "{\"model_type\": \"mixtral\", \"partial_rotary_factor\": 0.01}  | partial_rotary_factor 0.01 of head_dim 128 is 1 elements",
        "{\"model_type\": \"mixtral\", \"partial_rotary_factor\": 1.5}   | partial_rotary_factor 1.5 of head_dim 128 is 192",
        "{\"model_type\": \"mixtral\", \"hidden_act\": \"quick_gelu\"}   | hidden_act quick_gelu is not supported",
        "{\"model_type\": \"mixtral\", \"dtype\": \"float8_e4m3fn\"}     | dtype float8_e4m3fn is not supported",
        "{\"model_type\": \"mixtral\", \"tie_word_embeddings\": 1}       | tie_word_embeddings is neither true nor false",
        "{\"model_type\": \"mixtral\", \"eos_token_id\": [1, -1]}        | eos_token_id is -1",
        "{\"model_type\": \"qwen2_moe\", \"decoder_sparse_step\": 0}     | decoder_sparse_step is 0",
        "{\"model_type\": \"qwen2_moe\", \"use_sliding_window\": true, \"layer_types\": []} | layer_types names 0 layers",
        "{\"model_type\": \"granitemoe\", \"logits_scaling\": 0}         | logits_scaling is 0.0",
        "{\"model_type\": \"granitemoe\", \"logits_scaling\": \"x\\ny\"} | logits_scaling is not a finite number",
        "{\"model_type\": \"mixtral\"                                    | not valid JSON",
        "{\"model_type\": \"mixtral\", \"model_type\": \"olmoe\"}        | not valid JSON",
        "[1, 2]                                                          | not a JSON object",
    })
    void complains(String json, String complaint) {
        assertComplains(() -> read(json), "config.json: ", complaint);
    }
}
