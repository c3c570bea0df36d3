package io.maseparation.parallel.balance;

import com.fasterxml.jackson.databind.JsonNode;
import io.maseparation.files.JsonTree;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import java.nio.file.Path;

/**
 * Measured loads of experts: a JSON array of one load per expert, or an array of such arrays, one per layer.
 *
 * @param layered whether the file has one array per layer
 * @param layers for each layer the load of each expert
 */
public record LoadsFile(boolean layered, double[][] layers) {
    private static final int MOST_EXPERTS = 1 << 13;

    /**
     * Reads a file.
     *
     * @param file the file
     * @throws ModelException if it is neither; the message is one line that names file, layer and expert
     * @return its loads
     */
    public static LoadsFile read(Path file) {
        String name = Text.printable(file);
        JsonNode json = JsonTree.read(file);
        if (!json.isArray() || json.isEmpty()) {
            throw new ModelException(name + ": not an array of loads, one for each expert");
        }
        if (!json.get(0).isArray()) {
            return new LoadsFile(false, new double[][] {loads(name, json)});
        }
        double[][] layers = new double[json.size()][];
        for (int layer = 0; layer < layers.length; layer++) {
            JsonNode of = json.get(layer);
            String where = "%s: layer %d".formatted(name, layer);
            if (!of.isArray() || of.isEmpty()) {
                throw new ModelException(where + " is not an array of loads, one for each expert");
            }
            layers[layer] = loads(where, of);
            if (layers[layer].length != layers[0].length) {
                throw new ModelException("%s has %s, but layer 0 has %d"
                        .formatted(where, Text.count(layers[layer].length, "expert"), layers[0].length));
            }
        }
        return new LoadsFile(true, layers);
    }

    private static double[] loads(String where, JsonNode list) {
        if (list.size() > MOST_EXPERTS) {
            throw new ModelException("%s: %d experts are more than %d".formatted(where, list.size(), MOST_EXPERTS));
        }
        double[] loads = new double[list.size()];
        double sum = 0;
        for (int expert = 0; expert < loads.length; expert++) {
            JsonNode load = list.get(expert);
            if (!load.isNumber() || !Double.isFinite(load.doubleValue()) || load.doubleValue() < 0) {
                throw new ModelException("%s: expert %d: %s is not a load (a finite number of at least 0)"
                        .formatted(where, expert, Text.printable(load)));
            }
            loads[expert] = load.doubleValue();
            sum += loads[expert];
        }
        if (!Double.isFinite(sum)) {
            throw new ModelException(where + ": the loads are too large to be added");
        }
        return loads;
    }
}
