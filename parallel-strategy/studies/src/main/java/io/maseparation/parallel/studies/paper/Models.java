package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;

/** The paper's model and variants of it. */
final class Models {
    /**
     * The paper names no vocabulary. This one has one token per head, so that it can be split as heads are, and makes
     * the embedding and the output projection negligible.
     */
    private static final int NO_VOCABULARY = 32;
    /** More than any context of a map. */
    private static final int POSITIONS = 1 << 20;

    private Models() {}

    /** The paper's model without its vocabulary, for contexts of any length. */
    static ModelConfig paper(boolean gated, int topK) {
        ModelConfig seed = Presets.config(gated ? "seed-gated" : "seed");
        ModelConfig.Layer layer = seed.layers().getFirst();
        return variant(seed, seed.name(), seed.kvHeads(), layer.routing().experts(), topK, layer.expertWidth(),
                NO_VOCABULARY);
    }

    /** A preset as it is, for contexts of any length. */
    static ModelConfig preset(String name) {
        ModelConfig preset = Presets.config(name);
        ModelConfig.Layer layer = preset.layers().getFirst();
        return variant(preset, name, preset.kvHeads(), layer.routing().experts(), layer.routing().topK(),
                layer.expertWidth(), preset.vocab());
    }

    /** A model with other experts, key/value heads and vocabulary; all layers become alike. */
    static ModelConfig variant(
            ModelConfig of, String name, int kvHeads, int experts, int topK, int width, int vocabulary) {
        ModelConfig.Attention a = of.attention();
        return new ModelConfig(name, of.family(), of.hidden(),
                new ModelConfig.Vocabulary(vocabulary, of.vocabulary().tied(), of.vocabulary().eosTokens()),
                new ModelConfig.Attention(new ModelConfig.Heads(of.heads(), kvHeads, of.headDim()), POSITIONS, a.rope(),
                        a.scale(), a.qkNorm(), a.qkvBias(), a.outputBias(), a.qkvClip()),
                of.feedForward(), of.numerics(),
                of.layers().stream().map(l -> l.withExperts(experts, topK, width)).toList());
    }
}
