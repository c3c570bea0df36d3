package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import java.util.List;

/**
 * Shape and rules of a Mixture-of-Experts decoder, independent of the dialect it was read from.
 *
 * @param name what to call the model in reports: a preset's name or a checkpoint's folder
 * @param family Hugging Face model_type, or "preset"
 * @param hidden width of the residual stream
 * @param heads query heads
 * @param kvHeads key/value heads; divides heads
 * @param headDim elements of a head
 * @param vocab vocabulary size
 * @param maxPositions longest context the model was built for, in tokens
 * @param normEps epsilon of every RMSNorm
 * @param rope rotary embedding
 * @param attentionScale factor on query · key
 * @param qkNorm norm on queries and keys
 * @param qkvBias whether q, k and v projections have a bias
 * @param outputBias whether the attention output projection has a bias
 * @param qkvClip largest magnitude of q, k and v; 0 for no clipping
 * @param activation non-linearity of experts
 * @param gated whether experts have three matrices (gate, up, down) rather than two
 * @param embeddingMultiplier factor on embeddings
 * @param residualMultiplier factor on what attention and experts add to the residual stream
 * @param logitsScale factor on logits
 * @param tiedEmbeddings whether the embedding serves as output projection
 * @param eosTokens tokens that end a sequence; may be empty
 * @param weightType format of the large matrices
 * @param layers one entry a layer
 */
public record ModelConfig(
        String name,
        String family,
        int hidden,
        int heads,
        int kvHeads,
        int headDim,
        int vocab,
        int maxPositions,
        float normEps,
        Rope rope,
        float attentionScale,
        QkNorm qkNorm,
        boolean qkvBias,
        boolean outputBias,
        float qkvClip,
        Activation activation,
        boolean gated,
        float embeddingMultiplier,
        float residualMultiplier,
        float logitsScale,
        boolean tiedEmbeddings,
        List<Integer> eosTokens,
        DataType weightType,
        List<Layer> layers) {

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
     * What differs from layer to layer.
     *
     * @param routing router rule; {@code routing.experts()} is 0 for a dense layer
     * @param expertWidth inner width of a routed expert; 0 for a dense layer
     * @param extraWidth inner width of the shared expert or of the dense feed-forward; 0 if there is none
     * @param slidingWindow positions a token sees, itself included; 0 for all
     */
    public record Layer(Routing routing, int expertWidth, int extraWidth, int slidingWindow) {}

    public ModelConfig {
        layers = List.copyOf(layers);
        eosTokens = List.copyOf(eosTokens);
    }

    /** Columns of the fused query, key and value buffer. */
    public int qkvWidth() {
        return (heads + 2 * kvHeads) * headDim;
    }

    /** Width of the concatenated query heads. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Width of the concatenated key heads. */
    public int kvWidth() {
        return kvHeads * headDim;
    }

    /** Most expert slots a row has in any layer. */
    public int maxSlots() {
        return layers.stream().mapToInt(l -> l.routing().slots()).max().orElse(0);
    }

    /** Most routed experts in any layer. */
    public int maxExperts() {
        return layers.stream().mapToInt(l -> l.routing().experts()).max().orElse(0);
    }

    /** Largest inner width of any expert, shared expert or dense feed-forward. */
    public int maxWidth() {
        return layers.stream().mapToInt(l -> Math.max(l.expertWidth(), l.extraWidth())).max().orElse(0);
    }

    /** Most routed experts that any layer sends a row to. */
    public int maxTopK() {
        return layers.stream().mapToInt(l -> l.routing().topK()).max().orElse(0);
    }

    /**
     * The same model with rows sent to another number of routed experts, in every layer that has some.
     *
     * @throws ModelException if a layer has fewer experts than that, or {@code topK} is less than 1
     */
    public ModelConfig withTopK(int topK) {
        List<Layer> changed = layers.stream()
                .map(layer -> {
                    Routing r = layer.routing();
                    if (r.experts() == 0) {
                        return layer;
                    }
                    if (topK < 1 || topK > r.experts()) {
                        throw new ModelException("%s has %d experts, of which a row cannot visit %d"
                                .formatted(name, r.experts(), topK));
                    }
                    return new Layer(
                            new Routing(r.experts(), topK, r.rule(), r.renormalise(), r.extra()),
                            layer.expertWidth(), layer.extraWidth(), layer.slidingWindow());
                })
                .toList();
        return Configs.withLayers(this, changed);
    }
}
