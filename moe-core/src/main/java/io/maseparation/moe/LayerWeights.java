package io.maseparation.moe;

import io.maseparation.kernels.ExpertBanks;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Weights of one layer. Large matrices are views that share memory with the checkpoint; norms, biases and the router
 * are small and held as fp32.
 *
 * @param inputNorm [hidden], before attention
 * @param attention projections, their biases and norms
 * @param postNorm [hidden], before the experts
 * @param router [experts * hidden] row-major; null for a dense layer
 * @param extraGate [hidden], gate of the shared expert; or null
 * @param experts routed experts by index; empty for a dense layer
 * @param extra the shared expert, or the feed-forward of a dense layer; or null
 */
public record LayerWeights(
        FloatArray inputNorm,
        Attention attention,
        FloatArray postNorm,
        @Nullable FloatArray router,
        @Nullable FloatArray extraGate,
        ExpertBanks experts,
        @Nullable ExpertWeights extra) {

    /**
     * Weights of attention.
     *
     * @param q [heads * headDim, hidden]
     * @param k [kvHeads * headDim, hidden]
     * @param v [kvHeads * headDim, hidden]
     * @param o [hidden, heads * headDim]
     * @param qkvBias [heads * headDim + 2 * kvHeads * headDim] in the order q, k, v; or null
     * @param outputBias [hidden], or null
     * @param qNorm [headDim] or [heads * headDim] by the configuration's QkNorm; or null
     * @param kNorm [headDim] or [kvHeads * headDim]; or null
     */
    public record Attention(
            WeightMatrix q,
            WeightMatrix k,
            WeightMatrix v,
            WeightMatrix o,
            @Nullable FloatArray qkvBias,
            @Nullable FloatArray outputBias,
            @Nullable FloatArray qNorm,
            @Nullable FloatArray kNorm) {}

    /** {@return bytes of attention, norms and router: all that is not an expert} */
    public long attentionBytes() {
        Attention a = attention;
        return Stream.of(a.q, a.k, a.v, a.o).mapToLong(WeightMatrix::bytes).sum()
                + Stream.of(inputNorm, a.qkvBias, a.outputBias, a.qNorm, a.kNorm, postNorm, router, extraGate)
                        .filter(Objects::nonNull)
                        .mapToLong(array -> 4L * array.getSize())
                        .sum();
    }

    /** {@return bytes of routed experts, the shared expert or the dense feed-forward} */
    public long expertBytes() {
        return experts.stream().mapToLong(ExpertWeights::bytes).sum() + (extra == null ? 0 : extra.bytes());
    }
}
