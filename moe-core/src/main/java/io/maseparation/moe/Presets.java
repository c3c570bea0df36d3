package io.maseparation.moe;

import io.maseparation.files.JsonFile;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.Attention;
import io.maseparation.moe.ModelConfig.FeedForward;
import io.maseparation.moe.ModelConfig.Heads;
import io.maseparation.moe.ModelConfig.Layer;
import io.maseparation.moe.ModelConfig.Numerics;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.ModelConfig.Vocabulary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Models known by name: some to run with random weights, some for planning only. */
public final class Presets {
    private static final String FAMILY = "preset";
    private static final FeedForward SILU = new FeedForward(Activation.SILU, true);
    private static final FeedForward GELU = new FeedForward(Activation.GELU_TANH, false);
    private static final Rope ROPE = new Rope(10_000, 1);
    private static final float EPSILON = 1e-5f;

    /** Those to run, and then the fields of presets.json: named here, too, since most programs need no more of it. */
    private static final List<String> NAMES = List.of(
            "tiny", "small", "seed", "seed-gated", "seed-32", "mixtral-8x7b", "olmoe-1b-7b", "qwen3-30b-a3b",
            "gpt-oss-20b", "glm-4.5-air", "gpt-oss-120b", "deepseek-v2", "ernie-4.5-300b-a47b", "glm-4.5",
            "deepseek-v3", "kimi-k2");

    private static final String SEED_ASSUMPTIONS =
            "the paper's sizes (4 layers, hidden 4096, 32 heads, 16 experts of 16384,"
                    + " context 2048); assumed here: %s, top-2 of softmax over all experts, renormalised, 32 key/value heads,"
                    + " vocabulary 32000, untied, fp16";

    private static final Map<String, String> DESCRIPTIONS = Collections.unmodifiableMap(new TreeMap<>(Map.of(
            "tiny", "milliseconds of work: 4 layers, hidden 64, 8 experts of 96, top-2, fp32",
            "small", "a few seconds of work on two cores: 8 layers, hidden 512, 16 experts of 1024, top-2, fp16",
            "seed", SEED_ASSUMPTIONS.formatted("experts of two matrices with tanh-GELU"),
            "seed-gated", SEED_ASSUMPTIONS.formatted("experts of three matrices with gated SiLU"),
            "seed-32", "as many weights as seed in 32 layers, with experts of 1600: shows what grows with layers",
            "mixtral-8x7b", "shape of Mixtral-8x7B-v0.1, for planning",
            "olmoe-1b-7b", "shape of OLMoE-1B-7B-0924, for planning",
            "qwen3-30b-a3b", "shape of Qwen3-30B-A3B, for planning")));

    private Presets() {}

    /** {@return names of all presets, smallest first} */
    public static List<String> names() {
        return NAMES;
    }

    /**
     * {@return whether there is a preset of this name}
     *
     * @param name name of the preset
     */
    public static boolean has(String name) {
        return NAMES.contains(name);
    }

    /**
     * {@return what a preset is, and what was assumed where its source leaves something open}
     *
     * @param name name of the preset
     * @throws ModelException if there is no such preset
     */
    public static String description(String name) {
        config(name);
        return DESCRIPTIONS.getOrDefault(name, "published shape and formats of " + name + ", for planning");
    }

    /**
     * {@return shape and rules of a preset}
     *
     * @param name name of the preset
     * @throws ModelException if there is no such preset
     */
    public static ModelConfig config(String name) {
        return switch (name) {
            case "tiny" -> new ModelConfig(name, FAMILY, 64, vocabulary(320), attention(4, 2, 16, 512), SILU,
                    Numerics.of(DataType.F32, EPSILON), layers(4, 8, 2, 96));
            case "small" -> new ModelConfig(name, FAMILY, 512, vocabulary(8192), attention(8, 4, 64, 2048), SILU,
                    Numerics.of(DataType.F16, EPSILON), layers(8, 16, 2, 1024));
            case "seed" -> seed(name, GELU, layers(4, 16, 2, 16384));
            case "seed-gated" -> seed(name, SILU, layers(4, 16, 2, 16384));
            case "seed-32" -> seed(name, GELU, layers(32, 16, 2, 1600));
            case "mixtral-8x7b" -> new ModelConfig(name, FAMILY, 4096, vocabulary(32000, 2),
                    Attention.of(new Heads(32, 8, 128), 32768, new Rope(1e6, 1), QkNorm.NONE), SILU,
                    Numerics.of(DataType.BF16, EPSILON), layers(32, 8, 2, 14336));
            case "olmoe-1b-7b" -> new ModelConfig(name, FAMILY, 2048, vocabulary(50304, 50279),
                    Attention.of(new Heads(16, 16, 128), 4096, ROPE, QkNorm.WHOLE), SILU,
                    Numerics.of(DataType.BF16, EPSILON), layers(16, routing(64, 8, false), 1024));
            case "qwen3-30b-a3b" -> new ModelConfig(name, FAMILY, 2048, vocabulary(151936, 151645),
                    Attention.of(new Heads(32, 4, 128), 40960, new Rope(1e6, 1), QkNorm.PER_HEAD), SILU,
                    Numerics.of(DataType.BF16, 1e-6f), layers(48, 128, 8, 768));
            default -> {
                JsonFile planned = planned();
                if (!planned.has(name)) {
                    throw new ModelException(
                            "no preset " + Text.printable(name) + "; there are " + String.join(", ", NAMES));
                }
                JsonFile json = planned.object(name);
                yield HfQuantisation.read(
                        json, HfPlanned.read(json, name, Numerics.of(DataType.BF16, EPSILON), _ -> {}), _ -> {});
            }
        };
    }

    /** Shapes of families that nothing here runs, each as in its config.json. */
    private static JsonFile planned() {
        String name = "presets.json";
        try (InputStream in = Presets.class.getResourceAsStream(name)) {
            return JsonFile.openSourced(name, Objects.requireNonNull(in));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ModelConfig seed(String name, FeedForward feedForward, List<Layer> layers) {
        return new ModelConfig(name, FAMILY, 4096, vocabulary(32000), attention(32, 32, 128, 2048), feedForward,
                Numerics.of(DataType.F16, EPSILON), layers);
    }

    private static Vocabulary vocabulary(int size, Integer... eosTokens) {
        return new Vocabulary(size, false, List.of(eosTokens));
    }

    private static Attention attention(int heads, int kvHeads, int headDim, int positions) {
        return Attention.of(new Heads(heads, kvHeads, headDim), positions, ROPE, QkNorm.NONE);
    }

    private static Routing routing(int experts, int topK, boolean renormalise) {
        return new Routing(experts, topK, Routing.Rule.SOFTMAX_THEN_TOP_K, renormalise, Routing.Extra.NONE);
    }

    private static List<Layer> layers(int count, int experts, int topK, int width) {
        return layers(count, routing(experts, topK, true), width);
    }

    private static List<Layer> layers(int count, Routing routing, int width) {
        return Collections.nCopies(count, new Layer(routing, width, 0, 0));
    }

    /**
     * {@return the complaint that a name is neither a preset's nor a folder}
     *
     * @param name what was given
     */
    public static String missing(String name) {
        return "model '%s' is neither a folder nor a preset; presets are %s"
                .formatted(Text.printable(name), String.join(", ", names()));
    }
}
