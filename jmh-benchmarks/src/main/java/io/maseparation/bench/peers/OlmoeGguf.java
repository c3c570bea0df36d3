package io.maseparation.bench.peers;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Rope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Weights of a model of the family olmoe as llama.cpp's loader of that architecture wants them: names, the experts of a
 * layer one after the other in a tensor, vectors and the router in fp32. Rows of queries and keys stay in their order,
 * since its rotary embedding is the half-split one, too. There is no tokenizer but the number of tokens.
 */
final class OlmoeGguf {
    private static final String ARCHITECTURE = "olmoe";
    /** Of {@code general.file_type}: matrices are fp16. */
    private static final int MOSTLY_F16 = 1;

    private final GgufFile file = new GgufFile();
    private final ModelConfig config;

    private OlmoeGguf(ModelConfig config) {
        this.config = config;
    }

    /** Writes a model with fp16 matrices. */
    static void write(ModelWeights weights, Path path) throws IOException {
        ModelConfig config = weights.config();
        check(config);
        if (config.weightType() != DataType.F16) {
            throw new IllegalArgumentException("weights are %s, not F16".formatted(config.weightType()));
        }
        OlmoeGguf gguf = new OlmoeGguf(config);
        gguf.values();
        gguf.tensors(weights);
        gguf.file.write(path);
    }

    /** Refuses a model that is computed in another way than llama.cpp computes an olmoe. */
    static void check(ModelConfig config) {
        ModelConfig.Attention attention = config.attention();
        ModelConfig.Layer first = config.layers().getFirst();
        Routing routing = first.routing();
        require("queries and keys are as wide as the hidden size",
                config.queryWidth() == config.hidden() && config.kvWidth() == config.hidden());
        require("norms over whole queries and keys", config.qkNorm() == QkNorm.WHOLE);
        require("no bias and no clipping",
                !attention.qkvBias() && !attention.outputBias() && attention.qkvClip() == 0);
        require("whole heads are rotated, without scaling",
                attention.rope().equals(new Rope(attention.rope().theta(), 1)));
        require("gated experts with SiLU",
                config.gated() && config.feedForward().activation() == Activation.SILU
                        && !config.feedForward().expertBias() && !config.feedForward().routerBias());
        require("softmax before the choice of experts, and no expert beside",
                routing.equals(new Routing(routing.experts(), routing.topK(), Routing.Rule.SOFTMAX_THEN_TOP_K, false,
                        Routing.Extra.NONE)) && routing.experts() > 0);
        require("layers are alike and see all positions",
                first.slidingWindow() == 0 && config.layers().stream().allMatch(first::equals));
        require("an output projection of its own", !config.vocabulary().tied());
    }

    private static void require(String what, boolean holds) {
        if (!holds) {
            throw new IllegalArgumentException("not an olmoe model: " + what);
        }
    }

    private void values() {
        ModelConfig.Layer layer = config.layers().getFirst();
        file.with("general.architecture", ARCHITECTURE)
                .with("general.name", config.name())
                .with("general.alignment", GgufFile.ALIGNMENT)
                .with("general.file_type", MOSTLY_F16)
                .with(key("block_count"), config.layers().size())
                .with(key("context_length"), config.maxPositions())
                .with(key("embedding_length"), config.hidden())
                .with(key("feed_forward_length"), layer.expertWidth())
                .with(key("attention.head_count"), config.heads())
                .with(key("attention.head_count_kv"), config.kvHeads())
                .with(key("attention.layer_norm_rms_epsilon"), config.normEps())
                .with(key("rope.freq_base"), (float) config.attention().rope().theta())
                .with(key("expert_count"), layer.routing().experts())
                .with(key("expert_used_count"), layer.routing().topK())
                .with(key("vocab_size"), config.vocab())
                .with("tokenizer.ggml.model", "none");
    }

    private static String key(String name) {
        return ARCHITECTURE + "." + name;
    }

    private void tensors(ModelWeights weights) {
        file.with(StoredTensor.of("token_embd.weight", weights.embedding()));
        for (int i = 0; i < weights.layers().size(); i++) {
            layer("blk." + i + ".", weights.layers().get(i));
        }
        file.with(StoredTensor.of("output_norm.weight", weights.finalNorm(), DataType.F32, config.hidden()))
                .with(StoredTensor.of("output.weight", weights.output()));
    }

    private void layer(String prefix, LayerWeights layer) {
        LayerWeights.Attention attention = layer.attention();
        file.with(StoredTensor.of(prefix + "attn_norm.weight", layer.inputNorm(), DataType.F32, config.hidden()))
                .with(StoredTensor.of(prefix + "attn_q.weight", attention.q()))
                .with(StoredTensor.of(prefix + "attn_k.weight", attention.k()))
                .with(StoredTensor.of(prefix + "attn_v.weight", attention.v()))
                .with(StoredTensor.of(prefix + "attn_output.weight", attention.o()))
                .with(StoredTensor.of(prefix + "attn_q_norm.weight", Objects.requireNonNull(attention.qNorm()),
                        DataType.F32, config.queryWidth()))
                .with(StoredTensor.of(prefix + "attn_k_norm.weight", Objects.requireNonNull(attention.kNorm()),
                        DataType.F32, config.kvWidth()))
                .with(StoredTensor.of(prefix + "ffn_norm.weight", layer.postNorm(), DataType.F32, config.hidden()))
                .with(StoredTensor.of(prefix + "ffn_gate_inp.weight", Objects.requireNonNull(layer.router()),
                        DataType.F32, layer.experts().size(), config.hidden()))
                .with(experts(prefix + "ffn_gate_exps.weight", layer, e -> Objects.requireNonNull(e.gate())))
                .with(experts(prefix + "ffn_up_exps.weight", layer, ExpertWeights::up))
                .with(experts(prefix + "ffn_down_exps.weight", layer, ExpertWeights::down));
    }

    private static StoredTensor experts(
            String name, LayerWeights layer, Function<ExpertWeights, WeightMatrix> matrix) {
        List<WeightMatrix> all = layer.experts().stream().map(matrix).toList();
        return StoredTensor.stacked(name, all);
    }
}
