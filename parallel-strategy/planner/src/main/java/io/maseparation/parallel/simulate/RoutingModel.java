package io.maseparation.parallel.simulate;

import io.maseparation.files.ModelException;
import io.maseparation.files.Numbers;
import io.maseparation.moe.ModelConfig;
import java.io.File;
import java.nio.file.Path;

/** How rows choose experts. With the same seed, a token chooses the same experts under every plan. */
public interface RoutingModel {

    /**
     * Chooses the experts of some rows.
     *
     * @param seed seed of the run
     * @param step decode step, or −1 for prefill
     * @param layer layer of the model
     * @param rows index of each row's sequence, or of its prompt token
     * @param slots number of experts that a row chooses
     * @param chosen [rows, slots]: filled with distinct experts for each row
     * @param experts number of experts of the layer; at least {@code slots}
     */
    void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts);

    /**
     * Chooses the experts of one row.
     *
     * @param seed seed of the run
     * @param step decode step, or −1 for prefill
     * @param layer layer of the model
     * @param row index of its sequence, or of its prompt token
     * @param chosen [slots]: filled with distinct experts
     * @param experts number of experts of the layer; at least the number of slots
     */
    default void choose(long seed, int step, int layer, long row, int[] chosen, int experts) {
        chooseAll(seed, step, layer, new long[] {row}, chosen.length, chosen, experts);
    }

    /** {@return the routing in words: "uniform", "zipf:1.2" or the name of a file} */
    String description();

    /** {@return a routing in which all experts are equally likely} */
    static RoutingModel uniform() {
        return new ZipfRouting(0);
    }

    /**
     * {@return a routing in which the i-th most popular expert has a popularity of i^−exponent}
     *
     * @param exponent at least 0; 0 for uniform
     */
    static RoutingModel zipf(double exponent) {
        return new ZipfRouting(exponent);
    }

    /**
     * {@return a routing with popularities of i^−exponent, in which other experts become popular after some steps}
     *
     * @param exponent at least 0; 0 for uniform
     * @param steps decode steps for which the same experts are popular, at least 1
     * @throws IllegalArgumentException if there are fewer steps
     */
    static RoutingModel drifting(double exponent, int steps) {
        return new DriftingRouting(exponent, steps);
    }

    /**
     * {@return a routing in which experts are as popular as they were measured to be}
     *
     * @param loads [layers, experts]: measured load, at least 0; a layer without any load is uniform
     */
    static RoutingModel loads(double[][] loads) {
        return new LoadRouting(loads);
    }

    /**
     * Reads "uniform", "zipf:S" with S from 0 to 10, "drift:S:N" with N of 1 or more decode steps, or the name of a
     * file of recorded choices (docs/simulation.md).
     *
     * @param text what is read
     * @param config model that the choices are for
     * @return the routing
     * @throws ModelException if it is none of these, or the file does not fit the model
     */
    static RoutingModel parse(String text, ModelConfig config) {
        if (text.equals("uniform")) {
            return uniform();
        }
        if (text.startsWith("zipf:")) {
            return zipf(exponent(text, text.substring(5)));
        }
        if (text.startsWith("drift:")) {
            int colon = text.lastIndexOf(':');
            if (colon < 6) {
                throw new ModelException("'routing' %s: the number of steps N of drift:S:N is missing".formatted(text));
            }
            double exponent = exponent(text, text.substring(6, colon));
            long steps = Numbers.whole(text.substring(colon + 1)).orElseThrow(() -> new ModelException(
                    "'routing' %s: the number of steps N of drift:S:N is not a whole number".formatted(text)));
            if (steps < 1 || steps > Integer.MAX_VALUE) {
                throw new ModelException("'routing' %s: the number of steps must be from 1 to %d"
                        .formatted(text, Integer.MAX_VALUE));
            }
            return drifting(exponent, (int) steps);
        }
        if (new File(text).isFile()) {
            return TraceRouting.read(Path.of(text), config);
        }
        throw new ModelException("'routing': '%s' is neither uniform, zipf:S, drift:S:N nor a file".formatted(text));
    }

    private static double exponent(String text, String number) {
        double exponent = Numbers.finite(number).orElseThrow(() -> new ModelException(
                "'routing' %s: the exponent S of zipf:S or drift:S:N is missing or not a number".formatted(text)));
        if (exponent < 0 || exponent > 10) {
            throw new ModelException("'routing' %s: the exponent must be from 0 to 10".formatted(text));
        }
        return exponent;
    }

    /**
     * {@return the same choices, with steps counted from a later one on}
     *
     * @param first the step that becomes step 0
     */
    default RoutingModel from(int first) {
        return first == 0 ? this : new LaterRouting(this, first);
    }

    /**
     * {@return the same choices, each drawn only once, for many simulations of one batch; safe for several threads}
     *
     * @param rows number of sequences for which the result keeps the choices
     */
    default RoutingModel remembering(int rows) {
        return new RememberedRouting(this, rows);
    }
}
