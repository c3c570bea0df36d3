package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Finds a model's weights under the names that Hugging Face's families give them, and checks each shape against
 * config.json. Each expert may have tensors of its own, or all experts of a layer may be stacked in one tensor with
 * gate above up.
 */
final class HfWeights {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";
    private static final long MOST_FREQUENCIES = 1 << 16;
    /** Error of a frequency that was rounded to 16 bits, of which it may have few. */
    private static final double ROUNDED = 0.01;

    private final Safetensors tensors;
    private final ModelConfig config;
    private final HfFamily family;
    private final TensorTypes types;
    private final Wanted wanted;
    private final AbsentMatrices absent = new AbsentMatrices();
    private final Consumer<String> warnings;
    private final Set<String> read = new HashSet<>();

    /**
     * The weights of a checkpoint.
     *
     * @param declared the number format that config.json names, if it names one
     * @param wanted which matrices are read
     * @param warnings takes a line about everything that is not as config.json says
     */
    HfWeights(
            Safetensors tensors, ModelConfig config, Optional<DataType> declared, Wanted wanted,
            Consumer<String> warnings) {
        this.wanted = wanted;
        this.warnings = line -> warnings.accept(Text.message(line));
        this.tensors = tensors;
        this.config = config;
        family = HfFamily.of(config);
        types = new TensorTypes(tensors, declared);
    }

    ModelWeights load() {
        boolean tied = config.vocabulary().tied();
        // Where both are there and should be one, that is looked at.
        boolean both = wanted.embedding() || (tied && (wanted.output() || tensors.has(HEAD)));
        WeightMatrix embedding =
                vocabulary(tied && !tensors.has(EMBEDDING) && tensors.has(HEAD) ? HEAD : EMBEDDING, both);
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers().size(); i++) {
            layers.add(layer(i, "model.layers." + i + ".", config.layers().get(i)));
        }
        FloatArray norm = vector("model.norm.weight", config.hidden(), "hidden_size");
        WeightMatrix output = tied && !tensors.has(HEAD) ? embedding : vocabulary(HEAD, tied || wanted.output());
        if (tied && same(output, embedding)) {
            output = embedding;
        } else if (tied) {
            tied = false;
            warnings.accept(tensors.info(HEAD).where()
                    + " is not the embedding, although config.json's tie_word_embeddings is true: the tensor is used");
        }
        types.warning().ifPresent(warnings);
        warnOfUnread();
        ModelConfig typed = inStoredFormats(layers, embedding, output).withTied(tied);
        return new ModelWeights(typed, embedding, List.copyOf(layers), norm, output);
    }

    /** The configuration with the formats that matrices have; where those of one entry differ, with the widest. */
    private ModelConfig inStoredFormats(List<LayerWeights> layers, WeightMatrix embedding, WeightMatrix output) {
        Format usual = Format.of(embedding.type());
        List<ModelConfig.Layer> formatted = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            LayerWeights.Attention attention = layers.get(i).attention();
            ExpertWeights extra = layers.get(i).extra();
            LayerFormats formats = new LayerFormats(
                    widest(Stream.of(attention.q(), attention.k(), attention.v(), attention.o()), usual),
                    widest(layers.get(i).experts().stream().flatMap(e -> e.matrices().stream()), usual),
                    widest(extra == null ? Stream.empty() : extra.matrices().stream(), usual));
            formatted.add(config.layers().get(i).with(
                    Optional.of(formats).filter(f -> !f.equals(LayerFormats.all(usual)))));
        }
        return config.with(
                embedding.type(), Optional.of(Format.of(output.type())).filter(f -> !f.equals(usual)),
                config.numerics().cacheFormat())
                .withLayers(formatted);
    }

    private static Format widest(Stream<WeightMatrix> matrices, Format usual) {
        return matrices.map(m -> Format.of(m.type())).max(Comparator.comparingDouble(Format::bits)).orElse(usual);
    }

    private WeightMatrix vocabulary(String name, boolean here) {
        return matrix(name, config.vocab(), config.hidden(), "vocab_size, hidden_size", here);
    }

    private static boolean same(WeightMatrix a, WeightMatrix b) {
        if (a.type() == b.type()) {
            return a.data().getSegment().mismatch(b.data().getSegment()) < 0;
        }
        ExactMatrix first = new ExactMatrix(a);
        ExactMatrix second = new ExactMatrix(b);
        return IntStream.range(0, a.rows()).parallel().allMatch(
                row -> IntStream.range(0, a.cols()).allMatch(col -> first.get(row, col) == second.get(row, col)));
    }

    /** Frequencies of the rotary embedding are in old files, though they follow from config.json. */
    private void warnOfUnread() {
        if (!tensors.unread().isEmpty()) {
            warnings.accept("%s: has %s, which nothing reads; left out, as in transformers"
                    .formatted(tensors.source(), HfUnread.named(tensors.unread())));
        }
        List<String> repeated = tensors.repeated();
        if (!repeated.isEmpty()) {
            warnings.accept(
                    "%s: several shards hold it%s; this copy is used"
                            .formatted(tensors.info(repeated.getFirst()).where(),
                                    repeated.size() == 1
                                            ? ""
                                            : ", and %d tensors more".formatted(repeated.size() - 1)));
        }
        List<String> unread = tensors.names().stream()
                .filter(name -> !read.contains(name) && !(name.endsWith("rotary_emb.inv_freq") && isExpected(name)))
                .toList();
        if (!unread.isEmpty()) {
            warnings.accept("%s: nothing reads %d of the tensors, %s the first; results are those %s"
                    .formatted(tensors.source(), unread.size(), Text.printable(unread.getFirst()),
                            unread.size() == 1 ? "without it" : "without them"));
        }
    }

    /** Whether frequencies in the file are those that are computed with, or the same before they are scaled. */
    private boolean isExpected(String name) {
        if (tensors.knownType(name).isEmpty() || tensors.info(name).elements() > MOST_FREQUENCIES) {
            return false;
        }
        float[] stored = tensors.floats(name);
        Rope rope = config.attention().rope();
        return Stream.of(rope, new Rope(rope.theta(), rope.partial(), new Rope.Linear(1)))
                .map(of -> of.frequencies(config.headDim(), 1))
                .anyMatch(computed -> stored.length == computed.length && IntStream.range(0, stored.length)
                        .allMatch(i -> Math.abs(stored[i] - computed[i]) <= ROUNDED * computed[i]));
    }

    private LayerWeights layer(int index, String prefix, ModelConfig.Layer layer) {
        boolean sparse = layer.routing().experts() > 0;
        String moe = prefix + (tensors.has(prefix + "block_sparse_moe.gate.weight") || family == HfFamily.GRANITE_MOE
                ? "block_sparse_moe."
                : "mlp.");
        String router = moe + (family == HfFamily.GRANITE_MOE ? "router.layer.weight" : "gate.weight");
        return new LayerWeights(
                vector(prefix + "input_layernorm.weight", config.hidden(), "hidden_size"),
                attention(prefix + "self_attn.", wanted.attention(index)),
                vector(prefix + "post_attention_layernorm.weight", config.hidden(), "hidden_size"),
                sparse ? router(router, layer.routing().experts()) : null,
                layer.routing().extra() == Routing.Extra.SIGMOID_GATE
                        ? gate(moe + "shared_expert_gate.weight")
                        : null,
                sparse ? experts(index, moe, layer) : ExpertBanks.NONE,
                extra(moe, layer, wanted.extra(index)));
    }

    private LayerWeights.Attention attention(String prefix, boolean here) {
        String query = "num_attention_heads × head_dim";
        String keys = "num_key_value_heads × head_dim";
        ModelConfig.Attention attention = config.attention();
        List<WeightMatrix> qkv = alike(List.of(
                matrix(prefix + "q_proj.weight", config.queryWidth(), config.hidden(), query + ", hidden_size", here),
                matrix(prefix + "k_proj.weight", config.kvWidth(), config.hidden(), keys + ", hidden_size", here),
                matrix(prefix + "v_proj.weight", config.kvWidth(), config.hidden(), keys + ", hidden_size", here)),
                here);
        return new LayerWeights.Attention(
                qkv.get(0), qkv.get(1), qkv.get(2),
                matrix(prefix + "o_proj.weight", config.hidden(), config.queryWidth(), "hidden_size, " + query,
                        here),
                attention.qkvBias() ? qkvBias(prefix, query, keys) : null,
                attention.outputBias() ? vector(prefix + "o_proj.bias", config.hidden(), "hidden_size") : null,
                norm(prefix + "q_norm.weight", config.queryWidth(), query),
                norm(prefix + "k_norm.weight", config.kvWidth(), keys));
    }

    /** Norm of queries or keys, over each head or over all of them. */
    private @Nullable FloatArray norm(String name, int width, String fields) {
        return switch (config.qkNorm()) {
            case NONE -> null;
            case PER_HEAD -> vector(name, config.headDim(), "head_dim");
            case WHOLE -> vector(name, width, fields);
        };
    }

    private FloatArray qkvBias(String attention, String query, String keys) {
        float[] q = floats(attention + "q_proj.bias", query, config.queryWidth());
        float[] k = floats(attention + "k_proj.bias", keys, config.kvWidth());
        float[] v = floats(attention + "v_proj.bias", keys, config.kvWidth());
        FloatArray all = DeviceArrays.floats(config.qkvWidth());
        int at = 0;
        for (float[] part : List.of(q, k, v)) {
            for (float value : part) {
                all.set(at++, value);
            }
        }
        return all;
    }

    private FloatArray router(String name, int experts) {
        return DeviceArrays.copyOf(floats(name, "number of experts, hidden_size", experts, config.hidden()));
    }

    private FloatArray gate(String name) {
        return DeviceArrays.copyOf(floats(name, "1, hidden_size", 1, config.hidden()));
    }

    private @Nullable ExpertWeights extra(String moe, ModelConfig.Layer layer, boolean here) {
        return switch (layer.routing().extra()) {
            case NONE -> null;
            case ALWAYS -> feedForward(moe, layer.extraWidth(), "intermediate_size", here);
            case SIGMOID_GATE -> feedForward(moe + "shared_expert.", layer.extraWidth(),
                    "shared_expert_intermediate_size", here);
        };
    }

    private ExpertWeights feedForward(String prefix, int width, String field, boolean here) {
        return three(prefix + "gate_proj.weight", prefix + "up_proj.weight", prefix + "down_proj.weight", width, field,
                here);
    }

    private ExpertWeights three(String gate, String up, String down, int width, String field, boolean here) {
        String wide = field + ", hidden_size";
        List<WeightMatrix> in = alike(List.of(
                matrix(gate, width, config.hidden(), wide, here), matrix(up, width, config.hidden(), wide, here)),
                here);
        return new ExpertWeights(
                in.get(0), in.get(1),
                matrix(down, config.hidden(), width, "hidden_size, " + field, here));
    }

    private ExpertBanks experts(int index, String moe, ModelConfig.Layer layer) {
        int width = layer.expertWidth();
        String field = family.qwen() ? "moe_intermediate_size" : "intermediate_size";
        if (family == HfFamily.GRANITE_MOE) {
            return stacked(moe + "input_linear.weight", moe + "output_linear.weight", layer, field);
        }
        if (tensors.has(moe + "experts.gate_up_proj")) {
            return stacked(moe + "experts.gate_up_proj", moe + "experts.down_proj", layer, field);
        }
        boolean mixtral = moe.endsWith("block_sparse_moe.");
        List<ExpertWeights> experts = new ArrayList<>();
        for (int e = 0; e < layer.routing().experts(); e++) {
            String prefix = moe + "experts." + e + ".";
            boolean here = wanted.expert(index, e);
            experts.add(mixtral
                    ? three(prefix + "w1.weight", prefix + "w3.weight", prefix + "w2.weight", width, field, here)
                    : feedForward(prefix, width, field, here));
        }
        return ExpertBanks.separate(experts);
    }

    /** Views of {@code input} [experts, 2 * width, hidden], whose first half is the gate, and {@code output}. */
    private ExpertBanks stacked(String input, String output, ModelConfig.Layer layer, String field) {
        int experts = layer.routing().experts();
        int width = layer.expertWidth();
        checkShape(input, "experts, 2 × " + field + ", hidden_size", experts, 2L * width, config.hidden());
        checkShape(output, "experts, hidden_size, " + field, experts, config.hidden(), width);
        WeightMatrix in = types.matrix(input);
        WeightMatrix out = types.matrix(output);
        ExpertWeights first = new ExpertWeights(
                in.rowRange(0, width), in.rowRange(width, 2 * width), out.rowRange(0, config.hidden()));
        return ExpertBanks.stacked(experts, first, 2 * width * config.hidden(), config.hidden() * width);
    }

    private WeightMatrix matrix(String name, int rows, int cols, String fields, boolean here) {
        checkShape(name, fields, rows, cols);
        return here ? types.matrix(name) : absent.matrix(types.type(name), rows, cols);
    }

    private List<WeightMatrix> alike(List<WeightMatrix> matrices, boolean here) {
        DataType first = matrices.getFirst().type();
        if (here || matrices.stream().allMatch(m -> m.type() == first)) {
            return types.alike(matrices);
        }
        return matrices.stream().map(m -> absent.matrix(DataType.F32, m.rows(), m.cols())).toList();
    }

    private FloatArray vector(String name, int size, String fields) {
        return DeviceArrays.copyOf(floats(name, fields, size));
    }

    private float[] floats(String name, String fields, long... shape) {
        checkShape(name, fields, shape);
        return types.floats(name);
    }

    private void checkShape(String name, String fields, long... shape) {
        TensorInfo info = tensors.info(name);
        read.add(name);
        tensors.type(name);
        List<Long> expected = new ArrayList<>();
        for (long dimension : shape) {
            expected.add(dimension);
        }
        if (!info.shape().equals(expected)) {
            throw new ModelException(info.where() + " has shape " + Text.printable(info.shape())
                    + ", config.json says " + expected + " (" + fields + ")");
        }
    }
}
