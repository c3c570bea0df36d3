package io.maseparation.moe;

import io.maseparation.kernels.WeightMatrix;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * All weights of a model, held once in this process whatever the number of ranks that read them; on the devices of a
 * TornadoVM SDK ranks copy what they hold of an array.
 *
 * @param config what the weights belong to
 * @param embedding [vocab, hidden]
 * @param layers one entry per layer
 * @param finalNorm [hidden]
 * @param output [vocab, hidden]; the embedding itself where they are tied
 */
public record ModelWeights(
        ModelConfig config,
        WeightMatrix embedding,
        List<LayerWeights> layers,
        FloatArray finalNorm,
        WeightMatrix output) {

    /** {@return bytes of every weight, each counted once} */
    public long bytes() {
        long bytes = embedding.bytes() + 4L * finalNorm.getSize();
        if (!config.vocabulary().tied()) {
            bytes += output.bytes();
        }
        for (LayerWeights layer : layers) {
            bytes += layer.attentionBytes() + layer.expertBytes();
        }
        return bytes;
    }
}
