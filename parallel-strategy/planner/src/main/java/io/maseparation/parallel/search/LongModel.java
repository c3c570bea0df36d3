package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleBiFunction;

/**
 * A model of many equal layers, timed from two models with fewer layers: what each further layer adds is the same. A
 * bound that is the larger of several sums over layers is convex in their number, so what lies on a line through two
 * numbers of layers is also a bound beyond them, apart from chance in which experts each layer chooses.
 *
 * @param few the model with a few layers
 * @param more the model with some more
 * @param layers of the model itself
 */
record LongModel(ModelConfig few, ModelConfig more, int layers) {
    /** Equal layers of the two; fill and drain of micro-batches are over after the first ones. */
    private static final int FEW = 3;

    private static final int MORE = 9;
    /** With fewer equal layers than this the model itself is as good. */
    private static final int MANY = 48;

    /** {@return the model as one of many equal layers, after any others; empty if it has fewer of them} */
    static Optional<LongModel> of(ModelConfig config) {
        List<ModelConfig.Layer> layers = config.layers();
        int first = layers.size();
        while (first > 0 && layers.get(first - 1).equals(layers.getLast())) {
            first--;
        }
        return layers.size() - first < MANY
                ? Optional.empty()
                : Optional.of(new LongModel(
                        config.withLayers(layers.subList(0, first + FEW)),
                        config.withLayers(layers.subList(0, first + MORE)),
                        layers.size()));
    }

    /**
     * A time of the model, given how to find it for the others up to a limit.
     *
     * @param limit infinite for none; what exceeds it may be found to be infinite
     */
    double of(ToDoubleBiFunction<ModelConfig, Double> time, double limit) {
        double share = (double) (layers - more.layers().size()) / (MORE - FEW);
        double atFew = time.applyAsDouble(few, Double.POSITIVE_INFINITY);
        double atMore = time.applyAsDouble(more, (limit + share * atFew) / (1 + share));
        return atMore + (atMore - atFew) * share;
    }

    /** A layer of the longer of the two models that is like a layer of the model. */
    int like(int layer) {
        int last = more.layers().size();
        return layer < last ? layer : last - MORE + (layer - last) % MORE;
    }
}
