package io.maseparation.moe;

import io.maseparation.kernels.DataType;
import java.util.List;

/** Copies of a configuration with one thing changed. */
final class Configs {
    private Configs() {}

    static ModelConfig withEos(ModelConfig c, List<Integer> eos) {
        return copy(c, eos, c.weightType(), c.layers());
    }

    static ModelConfig withWeightType(ModelConfig c, DataType type) {
        return copy(c, c.eosTokens(), type, c.layers());
    }

    static ModelConfig withLayers(ModelConfig c, List<ModelConfig.Layer> layers) {
        return copy(c, c.eosTokens(), c.weightType(), layers);
    }

    private static ModelConfig copy(
            ModelConfig c, List<Integer> eos, DataType type, List<ModelConfig.Layer> layers) {
        return new ModelConfig(
                c.name(), c.family(), c.hidden(), c.heads(), c.kvHeads(), c.headDim(), c.vocab(), c.maxPositions(),
                c.normEps(), c.rope(), c.attentionScale(), c.qkNorm(), c.qkvBias(), c.outputBias(), c.qkvClip(),
                c.activation(), c.gated(), c.embeddingMultiplier(), c.residualMultiplier(), c.logitsScale(),
                c.tiedEmbeddings(), eos, type, layers);
    }
}
