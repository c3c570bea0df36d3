package io.maseparation.parallel.simulate;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** How rows choose experts. The same seed gives a token the same experts under every plan. */
public interface RoutingModel {

    /**
     * The experts of one row.
     *
     * @param seed of the run
     * @param step decode step, or −1 for prefill
     * @param layer layer of the model
     * @param row index of the sequence, or of the prompt token
     * @param chosen filled with as many distinct experts as it is long
     * @param experts number of experts of the layer; at least {@code chosen.length}
     */
    void choose(long seed, int step, int layer, long row, int[] chosen, int experts);

    /** What it is, in words: "uniform", "zipf:1.2" or a file. */
    String description();

    /** Every expert equally likely. */
    static RoutingModel uniform() {
        return new ZipfRouting(0);
    }

    /**
     * Experts with popularities of i^−exponent.
     *
     * @param exponent 0 for uniform
     */
    static RoutingModel zipf(double exponent) {
        return new ZipfRouting(exponent);
    }

    /**
     * Experts as popular as they were measured to be.
     *
     * @param loads for each layer and expert its load, 0 or more; a layer without any is uniform
     */
    static RoutingModel loads(double[][] loads) {
        return new LoadRouting(loads);
    }

    /**
     * Reads "uniform", "zipf:S" with S from 0 to 10, or the name of a file of recorded choices (docs/simulation.md).
     *
     * @throws ModelException if it is none of these, or the file does not fit the model
     */
    static RoutingModel parse(String text, ModelConfig config) {
        if (text.equals("uniform")) {
            return uniform();
        }
        if (text.startsWith("zipf:")) {
            try {
                double exponent = Double.parseDouble(text.substring(5));
                if (exponent >= 0 && exponent <= 10) {
                    return zipf(exponent);
                }
            } catch (NumberFormatException e) {
                throw new ModelException("--routing %s: what follows zipf: is not a number".formatted(text), e);
            }
            throw new ModelException("--routing %s: the exponent must be from 0 to 10".formatted(text));
        }
        try {
            Path file = Path.of(text);
            if (!text.isBlank() && Files.isRegularFile(file)) {
                return TraceRouting.read(file, config);
            }
        } catch (InvalidPathException e) {
            throw new ModelException("--routing: '%s' is no name of a file".formatted(text), e);
        }
        throw new ModelException("--routing: '%s' is neither uniform, zipf:S nor a file".formatted(text));
    }

    /**
     * The same choices, drawn once: for many simulations of the same batch. Safe for several threads.
     *
     * @param rows sequences whose choices are kept, for as long as the result lives
     */
    default RoutingModel remembering(int rows) {
        return new RememberedRouting(this, rows);
    }
}
