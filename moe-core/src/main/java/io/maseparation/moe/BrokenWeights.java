package io.maseparation.moe;

import java.util.Objects;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Weights with which no token can be chosen, to see whether a device refuses them. */
public final class BrokenWeights {
    /** A factor of normed activations, most of which then are more than fp16 can hold. */
    private static final float BEYOND_F16 = 1e6f;

    private BrokenWeights() {}

    /** Makes activations of the first layer's experts too large for fp16. */
    public static void enlarge(ModelWeights weights) {
        weights.layers().getFirst().postNorm().init(BEYOND_F16);
    }

    /** Puts a NaN into the last row of the first layer's router, which must be there. */
    public static void breakRouter(ModelWeights weights) {
        FloatArray router = Objects.requireNonNull(weights.layers().getFirst().router(), "the layer routes");
        router.set(router.getSize() - 1, Float.NaN);
    }
}
