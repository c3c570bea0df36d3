package io.maseparation.moe;

import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes of a model's weights as this library holds them, from its shape alone: large matrices in the model's weight
 * type; norms, biases and routers in fp32.
 *
 * @param parameters number of weights
 * @param activeParameters number of weights that one token is computed with: all but the routed experts it is not sent
 *     to, and of the embedding one row
 * @param embeddingBytes embedding
 * @param outputBytes output projection and final norm; the norm alone where the projection is the embedding
 * @param layers one entry per layer
 */
public record ModelSize(
        long parameters, long activeParameters, long embeddingBytes, long outputBytes, List<Layer> layers) {

    /**
     * Bytes of one layer.
     *
     * @param attentionBytes attention and both norms
     * @param routerBytes router, and gate of the shared expert
     * @param expertBytes one routed expert; 0 for a dense layer
     * @param extraBytes shared expert or dense feed-forward; 0 if there is none
     * @param experts number of routed experts
     */
    public record Layer(long attentionBytes, long routerBytes, long expertBytes, long extraBytes, int experts) {
        /** {@return all of it} */
        public long bytes() {
            return attentionBytes + routerBytes + experts * expertBytes + extraBytes;
        }
    }

    /** Copies the list. */
    public ModelSize {
        layers = List.copyOf(layers);
    }

    /** {@return all weights, each counted once} */
    public long weightBytes() {
        return embeddingBytes + outputBytes + layers.stream().mapToLong(Layer::bytes).sum();
    }

    /**
     * {@return the size of a model of this shape}
     *
     * @param c shape and rules of the model
     */
    public static ModelSize of(ModelConfig c) {
        long table = (long) c.vocab() * c.hidden();
        long attention = AttentionSize.matrixElements(c);
        long small = 2L * c.hidden()
                + AttentionSize.smallElements(c)
                + (c.attention().qkvBias() ? c.qkvWidth() : 0)
                + (c.attention().outputBias() ? c.hidden() : 0)
                + (c.qkNorm() == QkNorm.PER_HEAD ? 2L * c.headDim() : 0)
                + (c.qkNorm() == QkNorm.WHOLE ? c.queryWidth() + c.kvWidth() : 0);
        long matrices = c.feedForward().matrices();
        boolean tied = c.vocabulary().tied();
        long parameters = (tied ? table : 2 * table) + c.hidden();
        long active = table + 2L * c.hidden();
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < c.layers().size(); i++) {
            ModelConfig.Layer layer = c.layers().get(i);
            LayerFormats formats = c.formats(i);
            Routing routing = layer.routing();
            long expert = matrices * c.hidden() * layer.expertWidth();
            long bias = c.feedForward().biasElements(layer.expertWidth(), c.hidden());
            long extra = routing.extra() == Routing.Extra.NONE ? 0 : matrices * c.hidden() * layer.extraWidth();
            long router = (long) routing.experts() * (c.hidden() + (c.feedForward().routerBias() ? 1 : 0))
                    + (routing.extra() == Routing.Extra.SIGMOID_GATE ? c.hidden() : 0);
            layers.add(new Layer(
                    formats.attention().bytes(attention) + 4 * small,
                    4 * router,
                    routing.experts() == 0 ? 0 : formats.experts().bytes(expert) + 4 * bias,
                    formats.extra().bytes(extra),
                    routing.experts()));
            parameters += attention + small + router + routing.experts() * (expert + bias) + extra;
            active += attention + small + router + routing.topK() * (expert + bias) + extra;
        }
        return new ModelSize(
                parameters, active, table * c.weightType().bytes(),
                (tied ? 0 : c.outputFormat().bytes(table)) + 4L * c.hidden(),
                layers);
    }
}
