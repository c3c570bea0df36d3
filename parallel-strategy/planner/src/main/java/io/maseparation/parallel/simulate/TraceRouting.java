package io.maseparation.parallel.simulate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.maseparation.files.JsonTree;
import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Choices that were recorded: for each layer, the experts of each token, in order. In each step, a row takes the
 * choices of the token at (row + step × {@link #STRIDE}) modulo the number of tokens. If the model has more layers than
 * were recorded, they start again at the first.
 */
final class TraceRouting implements RoutingModel {
    /** A prime, so that successive steps do not take neighbouring tokens. */
    private static final long STRIDE = 10_007;

    private static final int MOST_TOKENS = 1 << 22;

    private final String name;
    /** For each layer the experts of each token. */
    private final List<int[][]> layers;

    private TraceRouting(String name, List<int[][]> layers) {
        this.name = name;
        this.layers = layers;
    }

    /**
     * Reads {@code {"layers": [[[expert, …], … one list per token], … one list per layer]}}.
     *
     * @throws ModelException if it does not fit the model, or says more; the message names file, layer and token
     */
    static TraceRouting read(Path file, ModelConfig config) {
        ObjectNode json = JsonTree.object(file, JsonTree.LONGEST);
        String name = Text.printable(file);
        for (Map.Entry<String, JsonNode> field : json.properties()) {
            if (!field.getKey().equals("layers")) {
                throw new ModelException("%s: there is no field %s; layers is all there is"
                        .formatted(name, Text.printable(field.getKey())));
            }
        }
        JsonNode list = json.path("layers");
        if (!list.isArray() || list.isEmpty()) {
            throw new ModelException(name + ": layers is not a list with one list of tokens' experts per layer");
        }
        int experts = config.maxExperts();
        int topK = config.maxTopK();
        int[][][] layers = new int[list.size()][][];
        for (int layer = 0; layer < layers.length; layer++) {
            JsonNode tokens = list.get(layer);
            if (!tokens.isArray() || tokens.isEmpty() || tokens.size() > MOST_TOKENS) {
                throw new ModelException("%s: layer %d is not a list of 1 to %d tokens"
                        .formatted(name, layer, MOST_TOKENS));
            }
            layers[layer] = new int[tokens.size()][];
            for (int token = 0; token < tokens.size(); token++) {
                layers[layer][token] =
                        experts("%s: layer %d, token %d".formatted(name, layer, token), tokens.get(token), topK,
                                experts);
            }
        }
        return new TraceRouting(name, List.of(layers));
    }

    private static int[] experts(String where, JsonNode node, int topK, int experts) {
        if (!node.isArray() || node.size() != topK) {
            throw new ModelException(
                    "%s: is not a list of %d experts, the number that the model gives a token".formatted(where, topK));
        }
        int[] chosen = new int[topK];
        for (int i = 0; i < topK; i++) {
            JsonNode value = node.get(i);
            if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
                throw new ModelException(
                        "%s: %s is not the number of an expert".formatted(where, Text.printable(value)));
            }
            chosen[i] = value.intValue();
            if (chosen[i] >= experts) {
                throw new ModelException("%s: expert %d, but the model has %d (numbered from 0)"
                        .formatted(where, chosen[i], experts));
            }
            for (int j = 0; j < i; j++) {
                if (chosen[j] == chosen[i]) {
                    throw new ModelException("%s: expert %d is there twice".formatted(where, chosen[i]));
                }
            }
        }
        return chosen;
    }

    @Override
    public void chooseAll(long seed, int step, int layer, long[] rows, int slots, int[] chosen, int experts) {
        int[][] tokens = layers.get(layer % layers.size());
        for (int i = 0; i < rows.length; i++) {
            int[] token = tokens[(int) Math.floorMod(rows[i] + step * STRIDE, (long) tokens.length)];
            System.arraycopy(token, 0, chosen, i * slots, slots);
        }
    }

    @Override
    public String description() {
        return name;
    }
}
