package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Models known by name: some to run with random weights, some for planning only. */
public final class Presets {
    private static final List<String> NAMES =
            List.of("tiny", "small", "seed", "seed-gated", "mixtral-8x7b", "olmoe-1b-7b", "qwen3-30b-a3b");

    private static final String SEED_ASSUMPTIONS =
            "the paper's sizes (4 layers, hidden 4096, 32 heads, 16 experts of 16384,"
                    + " context 2048); assumed here: %s, top-2 of softmax over all experts, renormalised, 32 key/value heads,"
                    + " vocabulary 32000, untied, fp16";

    private static final Map<String, String> DESCRIPTIONS = Collections.unmodifiableMap(new TreeMap<>(Map.of(
            "tiny", "milliseconds of work: 4 layers, hidden 64, 8 experts of 96, top-2, fp32",
            "small", "a few seconds of work on two cores: 8 layers, hidden 512, 16 experts of 1024, top-2, fp16",
            "seed", SEED_ASSUMPTIONS.formatted("experts of two matrices with tanh-GELU"),
            "seed-gated", SEED_ASSUMPTIONS.formatted("experts of three matrices with gated SiLU"),
            "mixtral-8x7b", "shape of Mixtral-8x7B-v0.1, for planning",
            "olmoe-1b-7b", "shape of OLMoE-1B-7B-0924, for planning",
            "qwen3-30b-a3b", "shape of Qwen3-30B-A3B, for planning")));

    private Presets() {}

    /** Names of all presets, smallest first. */
    public static List<String> names() {
        return NAMES;
    }

    /** Whether there is a preset of this name. */
    public static boolean has(String name) {
        return NAMES.contains(name);
    }

    /**
     * What a preset is, and what was assumed where its source leaves something open.
     *
     * @throws ModelException if there is no such preset
     */
    public static String description(String name) {
        config(name);
        return DESCRIPTIONS.get(name);
    }

    /**
     * Shape and rules of a preset.
     *
     * @throws ModelException if there is no such preset
     */
    public static ModelConfig config(String name) {
        return switch (name) {
            case "tiny" -> of(name, 4, 64, 4, 2, 16, 320, 512, 8, 2, 96).type(DataType.F32).build();
            case "small" -> of(name, 8, 512, 8, 4, 64, 8192, 2048, 16, 2, 1024).build();
            case "seed" -> of(name, 4, 4096, 32, 32, 128, 32000, 2048, 16, 2, 16384).ungated(Activation.GELU_TANH)
                    .build();
            case "seed-gated" -> of(name, 4, 4096, 32, 32, 128, 32000, 2048, 16, 2, 16384).build();
            case "mixtral-8x7b" -> of(name, 32, 4096, 32, 8, 128, 32000, 32768, 8, 2, 14336)
                    .type(DataType.BF16).theta(1e6).eos(2).build();
            case "olmoe-1b-7b" -> of(name, 16, 2048, 16, 16, 128, 50304, 4096, 64, 8, 1024)
                    .type(DataType.BF16).notRenormalised().qkNorm(QkNorm.WHOLE).eos(50279).build();
            case "qwen3-30b-a3b" -> of(name, 48, 2048, 32, 4, 128, 151936, 40960, 128, 8, 768)
                    .type(DataType.BF16).theta(1e6).normEps(1e-6f).qkNorm(QkNorm.PER_HEAD).eos(151645).build();
            default -> throw new ModelException(
                    "no preset " + Text.printable(name) + "; there are " + String.join(", ", NAMES));
        };
    }

    private static Builder of(
            String name, int layers, int hidden, int heads, int kvHeads, int headDim, int vocab, int context,
            int experts, int topK, int width) {
        return new Builder(name, layers, hidden, heads, kvHeads, headDim, vocab, context, experts, topK, width);
    }

    /** What most presets share, and the few things in which they differ. */
    private static final class Builder {
        private final String name;
        private final int layers;
        private final int hidden;
        private final int heads;
        private final int kvHeads;
        private final int headDim;
        private final int vocab;
        private final int context;
        private final int experts;
        private final int topK;
        private final int width;
        private DataType type = DataType.F16;
        private Activation activation = Activation.SILU;
        private boolean gated = true;
        private boolean renormalise = true;
        private QkNorm qkNorm = QkNorm.NONE;
        private double theta = 10_000;
        private float normEps = 1e-5f;
        private List<Integer> eos = List.of();

        Builder(
                String name, int layers, int hidden, int heads, int kvHeads, int headDim, int vocab, int context,
                int experts, int topK, int width) {
            this.name = name;
            this.layers = layers;
            this.hidden = hidden;
            this.heads = heads;
            this.kvHeads = kvHeads;
            this.headDim = headDim;
            this.vocab = vocab;
            this.context = context;
            this.experts = experts;
            this.topK = topK;
            this.width = width;
        }

        Builder type(DataType value) {
            type = value;
            return this;
        }

        Builder ungated(Activation value) {
            gated = false;
            activation = value;
            return this;
        }

        Builder notRenormalised() {
            renormalise = false;
            return this;
        }

        Builder qkNorm(QkNorm value) {
            qkNorm = value;
            return this;
        }

        Builder theta(double value) {
            theta = value;
            return this;
        }

        Builder normEps(float value) {
            normEps = value;
            return this;
        }

        Builder eos(int token) {
            eos = List.of(token);
            return this;
        }

        ModelConfig build() {
            Routing routing = new Routing(
                    experts, topK, Routing.Rule.SOFTMAX_THEN_TOP_K, renormalise, Routing.Extra.NONE);
            return new ModelConfig(
                    name, "preset", hidden, heads, kvHeads, headDim, vocab, context, normEps, new Rope(theta, 1),
                    (float) (1 / Math.sqrt(headDim)), qkNorm, false, false, 0, activation, gated, 1, 1, 1, false, eos,
                    type, Collections.nCopies(layers, new ModelConfig.Layer(routing, width, 0, 0)));
        }
    }
}
