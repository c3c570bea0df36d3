package io.maseparation.moe.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The rotary embedding of a config.json, after the documentation of transformers and the papers of each kind. Knows
 * nothing of the library.
 */
final class Rotary {
    /** Elements at the head's beginning that turn. */
    final int dim;
    /** Radians from one position to the next, for each pair. */
    final double[] inverse;
    /** Factor on cosines and sines. */
    double attention = 1;

    private final JsonNode rope;
    private final double theta;
    private final int most;

    /** @param length tokens of the request: its prompt and those to generate */
    Rotary(ObjectNode config, int headDim, int length) {
        JsonNode found = config.hasNonNull("rope_scaling")
                ? config.get("rope_scaling")
                : config.hasNonNull("rope_parameters") ? config.get("rope_parameters") : MissingNode.getInstance();
        rope = found.has("full_attention") ? found.get("full_attention") : found;
        theta = rope.path("rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
        dim = (int) (headDim
                * rope.path("partial_rotary_factor").asDouble(config.path("partial_rotary_factor").asDouble(1)));
        most = config.get("max_position_embeddings").intValue();
        int trained = config.path("original_max_position_embeddings")
                .asInt(rope.path("original_max_position_embeddings").asInt(most));
        double factor = rope.path("factor").asDouble((double) most / trained);
        inverse = new double[dim / 2];
        for (int pair = 0; pair < dim / 2; pair++) {
            inverse[pair] = 1 / Math.pow(theta, 2.0 * pair / dim);
        }
        switch (rope.path("rope_type").asText(rope.path("type").asText("default"))) {
            case "default" -> {}
            case "linear" -> divide(factor);
            case "dynamic" -> dynamic(factor, length);
            case "yarn" -> yarn(factor, trained);
            case "llama3" -> llama3(factor, trained);
            case "longrope", "su" -> longrope(factor, trained, length > trained ? "long_factor" : "short_factor");
            default -> throw new IllegalArgumentException(rope.toString());
        }
    }

    private void divide(double factor) {
        for (int pair = 0; pair < inverse.length; pair++) {
            inverse[pair] /= factor;
        }
    }

    private void dynamic(double factor, int length) {
        if (length <= most) {
            return;
        }
        double growth = factor * length / most - factor + 1;
        for (int pair = 0; pair < inverse.length; pair++) {
            // (θ g^(d/(d-2)))^(-2i/d)
            inverse[pair] *= Math.exp(-Math.log(growth) * 2 * pair / (dim - 2));
        }
    }

    private void yarn(double factor, int trained) {
        double fast = rope.path("beta_fast").asDouble(32);
        double slow = rope.path("beta_slow").asDouble(1);
        double from = dim / 2.0 * Math.log(trained / (2 * Math.PI * fast)) / Math.log(theta);
        double to = dim / 2.0 * Math.log(trained / (2 * Math.PI * slow)) / Math.log(theta);
        if (rope.path("truncate").asBoolean(true)) {
            from = Math.floor(from);
            to = Math.ceil(to);
        }
        from = from < 0 ? 0 : from;
        to = to > dim - 1 ? dim - 1 : to;
        if (from == to) {
            to += 0.001;
        }
        for (int pair = 0; pair < inverse.length; pair++) {
            double ramp = (pair - from) / (to - from);
            double interpolated = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
            inverse[pair] = inverse[pair] / factor * interpolated + inverse[pair] * (1 - interpolated);
        }
        double natural = factor > 1 ? Math.log(factor) : 0;
        attention = 1 + natural / 10;
        if (rope.path("mscale").asDouble() != 0 && rope.path("mscale_all_dim").asDouble() != 0) {
            attention = (1 + rope.get("mscale").doubleValue() * natural / 10)
                    / (1 + rope.get("mscale_all_dim").doubleValue() * natural / 10);
        }
        attention = rope.path("attention_factor").asDouble(attention);
    }

    private void llama3(double factor, int trained) {
        double low = rope.get("low_freq_factor").doubleValue();
        double high = rope.get("high_freq_factor").doubleValue();
        for (int pair = 0; pair < inverse.length; pair++) {
            double wave = 2 * Math.PI / inverse[pair];
            if (wave > trained / low) {
                inverse[pair] /= factor;
            } else if (wave >= trained / high) {
                double smooth = (trained / wave - low) / (high - low);
                inverse[pair] = (1 - smooth) * inverse[pair] / factor + smooth * inverse[pair];
            }
        }
    }

    private void longrope(double factor, int trained, String list) {
        for (int pair = 0; pair < inverse.length; pair++) {
            inverse[pair] /= rope.get(list).get(pair).doubleValue();
        }
        double suggested = factor > 1 ? Math.sqrt(1 + Math.log(factor) / Math.log(trained)) : 1;
        attention = rope.path("attention_factor").asDouble(suggested);
    }

    /** Rotates every head of a row. */
    void rotate(double[] x, int headDim, int position) {
        double[] old = x.clone();
        for (int i = 0; i < x.length; i++) {
            int d = i % headDim;
            if (d < dim) {
                double half = d < dim / 2 ? -old[i + dim / 2] : old[i - dim / 2];
                double angle = position * inverse[d % (dim / 2)];
                x[i] = attention * (old[i] * Math.cos(angle) + half * Math.sin(angle));
            }
        }
    }
}
