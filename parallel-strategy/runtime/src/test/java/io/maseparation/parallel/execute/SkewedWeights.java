package io.maseparation.parallel.execute;

import io.maseparation.moe.LayerWeights;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Random weights whose routers prefer some experts. */
public final class SkewedWeights {
    /** Scores of the experts that are not preferred, of the random ones: they seldom are the largest. */
    private static final float OTHERS = 0.05f;

    private SkewedWeights() {}

    /**
     * Weights of a seed.
     *
     * @param preferred experts of each layer, the first ones, whose router rows are left as they are; scores of the
     *     others are small, so that a preferred expert is chosen whenever its own score is above about 0
     */
    public static ModelWeights create(ModelConfig config, long seed, int preferred) {
        ModelWeights weights = RandomWeights.create(config, seed);
        List<LayerWeights> layers = new ArrayList<>();
        for (LayerWeights w : weights.layers()) {
            layers.add(w.router() == null
                    ? w
                    : new LayerWeights(w.inputNorm(), w.attention(), w.postNorm(),
                            skewed(w.router(), config.hidden(), preferred),
                            w.extraGate(), w.experts(), w.extra()));
        }
        return new ModelWeights(config, weights.embedding(), layers, weights.finalNorm(), weights.output());
    }

    private static FloatArray skewed(FloatArray router, int hidden, int preferred) {
        FloatArray skewed = new FloatArray(router.getSize());
        for (int i = 0; i < skewed.getSize(); i++) {
            skewed.set(i, router.get(i) * (i / hidden < preferred ? 1 : OTHERS));
        }
        return skewed;
    }
}
