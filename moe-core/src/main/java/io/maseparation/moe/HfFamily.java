package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.Text;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The Hugging Face model types that are understood, each with the values that its configuration class in transformers has
 * for fields that config.json leaves out.
 */
enum HfFamily {
    MIXTRAL("mixtral", 32000, 4096, 14336, 14336, 32, 32, 8, 131072, 1e-5, 1e6, 8, 2, 2), OLMOE("olmoe", 50304, 2048,
            2048, 2048, 16, 16, 0, 4096, 1e-5, 1e4, 64, 8, 50279), QWEN2_MOE("qwen2_moe", 151936, 2048, 5632, 1408, 24,
                    16, 16, 32768, 1e-6, 1e4, 60, 4, -1), QWEN3_MOE("qwen3_moe", 151936, 2048, 6144, 768, 24, 32, 4,
                            32768, 1e-6, 1e4, 128, 8, -1), GRANITE_MOE("granitemoe", 32000, 4096, 11008, 11008, 32, 32,
                                    0, 2048, 1e-6, 1e4, 8, 2, 2);

    final String modelType;
    final int vocab;
    final int hidden;
    final int width;
    final int moeWidth;
    final int layers;
    final int heads;
    /** 0: as many as query heads. */
    final int kvHeads;
    final int positions;
    final double normEps;
    final double ropeTheta;
    final int experts;
    final int topK;
    /** -1: none. */
    final int eos;

    HfFamily(
            String modelType, int vocab, int hidden, int width, int moeWidth, int layers, int heads, int kvHeads,
            int positions, double normEps, double ropeTheta, int experts, int topK, int eos) {
        this.modelType = modelType;
        this.vocab = vocab;
        this.hidden = hidden;
        this.width = width;
        this.moeWidth = moeWidth;
        this.layers = layers;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.positions = positions;
        this.normEps = normEps;
        this.ropeTheta = ropeTheta;
        this.experts = experts;
        this.topK = topK;
        this.eos = eos;
    }

    /** Whether expert width is {@code moe_intermediate_size}, and {@code intermediate_size} that of dense layers. */
    boolean qwen() {
        return this == QWEN2_MOE || this == QWEN3_MOE;
    }

    static HfFamily of(JsonFile config) {
        String type = config.text("model_type", null);
        String supported =
                Arrays.stream(values()).map(f -> f.modelType).collect(Collectors.joining(", "));
        if (type == null) {
            throw config.fail("model_type", "is missing; supported are " + supported);
        }
        return Arrays.stream(values())
                .filter(f -> f.modelType.equals(type))
                .findFirst()
                .orElseThrow(() -> config.fail(
                        "model_type", Text.printable(type) + " is not supported; supported are " + supported));
    }
}
