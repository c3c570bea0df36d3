package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Shape and rules of a Mixture-of-Experts decoder, independent of the dialect it was read from.
 *
 * @param name what to call the model in reports: a preset's name or a checkpoint's folder
 * @param family Hugging Face model_type, or "preset"
 * @param hidden width of the residual stream
 * @param vocabulary tokens
 * @param attention heads and what happens to queries and keys
 * @param feedForward what all experts have in common
 * @param numerics number format, epsilon and constant factors
 * @param layers one entry per layer
 */
public record ModelConfig(
        String name,
        String family,
        int hidden,
        Vocabulary vocabulary,
        Attention attention,
        FeedForward feedForward,
        Numerics numerics,
        List<Layer> layers) {

    /**
     * Tokens.
     *
     * @param size number of tokens
     * @param tied whether the embedding serves as output projection
     * @param eosTokens tokens that end a sequence; may be empty
     */
    public record Vocabulary(int size, boolean tied, List<Integer> eosTokens) {
        /** Copies the list. */
        public Vocabulary {
            eosTokens = List.copyOf(eosTokens);
        }
    }

    /**
     * Numbers of heads.
     *
     * @param query query heads
     * @param kv key/value heads; divides {@code query}
     * @param dim elements of a head of the queries
     * @param sinks whether each query head has a logit for attending to nothing (for planning)
     * @param latent what keys and values are computed from, if it is that which is cached (for planning)
     */
    public record Heads(int query, int kv, int dim, boolean sinks, Optional<Latent> latent) {
        /**
         * Heads whose keys and values are cached.
         *
         * @param query query heads
         * @param kv key/value heads; divides {@code query}
         * @param dim elements of a head
         */
        public Heads(int query, int kv, int dim) {
            this(query, kv, dim, false, Optional.empty());
        }
    }

    /**
     * Attention of every layer.
     *
     * @param heads query and key/value heads
     * @param maxPositions longest context the model was built for, in tokens
     * @param rope rotary embedding
     * @param scale factor on query · key
     * @param qkNorm norm on queries and keys
     * @param qkvBias whether q, k and v projections have a bias
     * @param outputBias whether the output projection has a bias
     * @param qkvClip largest magnitude of q, k and v; 0 for no clipping
     */
    public record Attention(
            Heads heads,
            int maxPositions,
            Rope rope,
            float scale,
            QkNorm qkNorm,
            boolean qkvBias,
            boolean outputBias,
            float qkvClip) {

        /**
         * {@return attention without bias and clipping, scaled by one over the root of a head's size}
         *
         * @param heads query and key/value heads
         * @param maxPositions longest context, in tokens
         * @param rope rotary embedding
         * @param qkNorm norm on queries and keys
         */
        public static Attention of(Heads heads, int maxPositions, Rope rope, QkNorm qkNorm) {
            return new Attention(
                    heads, maxPositions, rope, (float) (1 / Math.sqrt(heads.dim())), qkNorm, false, false, 0);
        }
    }

    /** RMSNorm on queries and keys before the rotary embedding. */
    public enum QkNorm {
        /** None. */
        NONE,
        /** Over each head (qwen3_moe). */
        PER_HEAD,
        /** Over all heads of the projection together (olmoe). */
        WHOLE
    }

    /**
     * What routed experts, shared experts and dense feed-forwards have in common.
     *
     * @param activation non-linearity
     * @param gated whether there are three matrices (gate, up, down) rather than two
     * @param expertBias whether experts add biases (for planning)
     * @param routerBias whether the router adds or selects by a bias (for planning)
     */
    public record FeedForward(Activation activation, boolean gated, boolean expertBias, boolean routerBias) {
        /**
         * Feed-forwards without biases.
         *
         * @param activation non-linearity
         * @param gated whether there are three matrices (gate, up, down) rather than two
         */
        public FeedForward(Activation activation, boolean gated) {
            this(activation, gated, false, false);
        }

        /** {@return matrices of an expert} */
        public int matrices() {
            return gated ? 3 : 2;
        }

        /**
         * {@return elements of an expert's biases}
         *
         * @param width inner width
         * @param hidden width of the residual stream
         */
        public long biasElements(int width, int hidden) {
            return expertBias ? (matrices() - 1L) * width + hidden : 0;
        }
    }

    /**
     * Number format and constants.
     *
     * @param weightType format of the large matrices
     * @param normEps epsilon of every RMSNorm
     * @param embeddingMultiplier factor on embeddings
     * @param residualMultiplier factor on what attention and experts add to the residual stream
     * @param logitsScale factor on logits
     * @param outputFormat format of the output projection, if another one (for planning)
     * @param cacheFormat format of the KV cache that a checkpoint asks for (for planning)
     */
    public record Numerics(
            DataType weightType, float normEps, float embeddingMultiplier, float residualMultiplier,
            float logitsScale, Optional<Format> outputFormat, Optional<Format> cacheFormat) {

        /**
         * Numerics of a model whose weights are all in one format.
         *
         * @param weightType format of the large matrices
         * @param normEps epsilon of every RMSNorm
         * @param embeddingMultiplier factor on embeddings
         * @param residualMultiplier factor on what attention and experts add to the residual stream
         * @param logitsScale factor on logits
         */
        public Numerics(
                DataType weightType, float normEps, float embeddingMultiplier, float residualMultiplier,
                float logitsScale) {
            this(weightType, normEps, embeddingMultiplier, residualMultiplier, logitsScale, Optional.empty(),
                    Optional.empty());
        }

        /**
         * {@return numerics without factors on embeddings, residuals and logits, as most models have them}
         *
         * @param weightType format of the large matrices
         * @param normEps epsilon of every RMSNorm
         */
        public static Numerics of(DataType weightType, float normEps) {
            return new Numerics(weightType, normEps, 1, 1, 1);
        }
    }

    /**
     * What differs from layer to layer.
     *
     * @param routing router rule; {@code routing.experts()} is 0 for a dense layer
     * @param expertWidth inner width of a routed expert; 0 for a dense layer
     * @param extraWidth inner width of the shared expert or of the dense feed-forward; 0 if there is none
     * @param slidingWindow positions a token sees, itself included; 0 for all
     * @param formats formats of its matrices, if not all are in the model's (for planning)
     */
    public record Layer(
            Routing routing, int expertWidth, int extraWidth, int slidingWindow, Optional<LayerFormats> formats) {

        /**
         * A layer with all matrices in the model's format.
         *
         * @param routing router rule
         * @param expertWidth inner width of a routed expert; 0 for a dense layer
         * @param extraWidth inner width of the shared expert or of the dense feed-forward; 0 if there is none
         * @param slidingWindow positions a token sees, itself included; 0 for all
         */
        public Layer(Routing routing, int expertWidth, int extraWidth, int slidingWindow) {
            this(routing, expertWidth, extraWidth, slidingWindow, Optional.empty());
        }

        /**
         * {@return the same layer with other formats}
         *
         * @param others formats of its matrices; empty for the model's
         */
        public Layer with(Optional<LayerFormats> others) {
            return new Layer(routing, expertWidth, extraWidth, slidingWindow, others);
        }

        /**
         * {@return the same layer with other routed experts}
         *
         * @param experts number of routed experts
         * @param topK experts that a row visits
         * @param width inner width of a routed expert
         */
        public Layer withExperts(int experts, int topK, int width) {
            return new Layer(
                    new Routing(experts, topK, routing.rule(), routing.renormalise(), routing.extra()),
                    width, extraWidth, slidingWindow, formats);
        }
    }

    /** Copies the list. */
    public ModelConfig {
        layers = List.copyOf(layers);
    }

    /** {@return query heads} */
    public int heads() {
        return attention.heads().query();
    }

    /** {@return key/value heads} */
    public int kvHeads() {
        return attention.heads().kv();
    }

    /** {@return elements of a head} */
    public int headDim() {
        return attention.heads().dim();
    }

    /** {@return vocabulary size} */
    public int vocab() {
        return vocabulary.size();
    }

    /** {@return longest context the model was built for, in tokens} */
    public int maxPositions() {
        return attention.maxPositions();
    }

    /** {@return norm on queries and keys} */
    public QkNorm qkNorm() {
        return attention.qkNorm();
    }

    /** {@return whether experts have three matrices rather than two} */
    public boolean gated() {
        return feedForward.gated();
    }

    /** {@return epsilon of every RMSNorm} */
    public float normEps() {
        return numerics.normEps();
    }

    /** {@return format of the large matrices} */
    public DataType weightType() {
        return numerics.weightType();
    }

    /** {@return format of the output projection} */
    public Format outputFormat() {
        return numerics.outputFormat().orElse(Format.of(weightType()));
    }

    /**
     * {@return formats of a layer's matrices}
     *
     * @param layer index of the layer
     */
    public LayerFormats formats(int layer) {
        Format usual = Format.of(weightType());
        return layers.get(layer).formats().orElseGet(() -> LayerFormats.all(usual));
    }

    /** {@return formats of all matrices but the embedding, that of the last layer's experts first} */
    public List<Format> formats() {
        Set<Format> formats = new LinkedHashSet<>();
        for (int i = layers.size() - 1; i >= 0; i--) {
            LayerFormats of = formats(i);
            if (layers.get(i).routing().experts() > 0) {
                formats.add(of.experts());
            }
            formats.add(of.attention());
            if (layers.get(i).extraWidth() > 0) {
                formats.add(of.extra());
            }
        }
        formats.add(outputFormat());
        return List.copyOf(formats);
    }

    /** {@return whether nothing here runs a model of this family, so that it can only be planned and simulated} */
    public boolean planningOnly() {
        return HfPlanned.has(family);
    }

    /** {@return columns of the fused query, key and value buffer} */
    public int qkvWidth() {
        return AttentionSize.projectedWidth(this, heads(), kvHeads());
    }

    /** {@return width of the concatenated query heads} */
    public int queryWidth() {
        return heads() * headDim();
    }

    /** {@return width of the concatenated key heads} */
    public int kvWidth() {
        return kvHeads() * headDim();
    }

    /** {@return most expert slots a row has in any layer} */
    public int maxSlots() {
        return layers.stream().mapToInt(l -> l.routing().slots()).max().orElse(0);
    }

    /** {@return most routed experts in any layer} */
    public int maxExperts() {
        return layers.stream().mapToInt(l -> l.routing().experts()).max().orElse(0);
    }

    /** {@return largest inner width of any expert, shared expert or dense feed-forward} */
    public int maxWidth() {
        return layers.stream().mapToInt(l -> Math.max(l.expertWidth(), l.extraWidth())).max().orElse(0);
    }

    /** {@return most routed experts that any layer sends a row to} */
    public int maxTopK() {
        return layers.stream().mapToInt(l -> l.routing().topK()).max().orElse(0);
    }

    /**
     * {@return the same model with its large matrices in another format}
     *
     * @param type format of the large matrices
     */
    public ModelConfig withWeightType(DataType type) {
        return with(type, Optional.empty(), numerics.cacheFormat())
                .withLayers(layers.stream().map(layer -> layer.with(Optional.empty())).toList());
    }

    /**
     * {@return the same model with its matrices in a format, for planning} Formats of fewer than 16 bits are those of
     * attention and feed-forwards; embedding and output projection keep the model's type.
     *
     * @param format format of the large matrices
     */
    public ModelConfig withWeightFormat(Format format) {
        Optional<DataType> type = format.type();
        return type.isPresent()
                ? withWeightType(type.get())
                : withWeightType(weightType())
                        .withLayers(layers.stream().map(layer -> layer.with(Optional.of(LayerFormats.all(format))))
                                .toList());
    }

    /** The same model with other formats beside those of its layers. */
    ModelConfig with(DataType type, Optional<Format> output, Optional<Format> cache) {
        Numerics n = numerics;
        return new ModelConfig(
                name, family, hidden, vocabulary, attention, feedForward,
                new Numerics(type, n.normEps(), n.embeddingMultiplier(), n.residualMultiplier(), n.logitsScale(),
                        output, cache),
                layers);
    }

    /**
     * {@return the same model with or without an output projection of its own}
     *
     * @param tied whether the embedding serves as output projection
     */
    public ModelConfig withTied(boolean tied) {
        Vocabulary v = new Vocabulary(vocab(), tied, vocabulary.eosTokens());
        return new ModelConfig(name, family, hidden, v, attention, feedForward, numerics, layers);
    }

    /**
     * {@return the same model with other layers}
     *
     * @param others one entry per layer
     */
    public ModelConfig withLayers(List<Layer> others) {
        return new ModelConfig(name, family, hidden, vocabulary, attention, feedForward, numerics, others);
    }

    /**
     * {@return the same model with rows sent to another number of routed experts, in every layer that has some}
     *
     * @param topK experts that a row visits
     * @throws ModelException if a layer has fewer experts than that, or {@code topK} is less than 1
     */
    public ModelConfig withTopK(int topK) {
        return withLayers(layers.stream()
                .map(layer -> {
                    int experts = layer.routing().experts();
                    if (experts > 0 && (topK < 1 || topK > experts)) {
                        throw new ModelException("%s has %d experts, of which a row cannot visit %d"
                                .formatted(name, experts, topK));
                    }
                    return experts == 0 ? layer : layer.withExperts(experts, topK, layer.expertWidth());
                })
                .toList());
    }
}
