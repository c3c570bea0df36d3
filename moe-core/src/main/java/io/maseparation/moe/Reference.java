package io.maseparation.moe;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * The model in float64, one sequence at a time and without a cache: written to be read and to be right, the oracle that
 * every other way of computing it is tested against. Weights are used exactly as they are stored.
 */
public final class Reference {
    private final ModelWeights weights;
    private final ModelConfig config;

    /**
     * What a forward pass over a sequence saw.
     *
     * @param logits [position][vocab]
     * @param logitGap per position: largest logit minus the second largest
     * @param routerGap per position: the least, over layers, of the k-th largest router score (before softmax) minus
     *     the next one; infinite where every expert is chosen or no layer routes
     * @param experts for each layer [position]: chosen experts in ascending order; empty for a dense layer
     */
    public record Trace(double[][] logits, double[] logitGap, double[] routerGap, List<int[][]> experts) {}

    /**
     * Keys and values of positions before the first token.
     *
     * @param depth number of such positions
     * @param of by layer and position: keys and then values of all heads, as attention reads them
     */
    public record Past(int depth, BiFunction<Integer, Integer, double[][]> of) {
        /** Nothing before the first token. */
        public static final Past NONE = new Past(0, (layer, position) -> new double[2][0]);
    }

    /**
     * The reference of a model.
     *
     * @param weights the model; they must stay valid while this is used
     */
    public Reference(ModelWeights weights) {
        this.weights = weights;
        this.config = weights.config();
    }

    /**
     * {@return logits [position][vocab] of a sequence that is a whole request}
     *
     * @param tokens token ids of the sequence
     * @throws ModelException if a token is outside the vocabulary or the sequence longer than the model's context
     */
    public double[][] forward(int[] tokens) {
        return trace(tokens, tokens.length).logits();
    }

    /**
     * {@return logits of a sequence, and how close its choices were}
     *
     * @param tokens token ids of the sequence
     * @param length tokens of the request that it begins: its prompt and those to generate
     * @throws ModelException as {@link #forward(int[])}
     */
    public Trace trace(int[] tokens, int length) {
        return trace(tokens, length, Past.NONE);
    }

    /**
     * {@return logits of a sequence behind others' keys and values, and how close its choices were}
     *
     * @param tokens token ids of the sequence
     * @param length positions of the request that it begins: those before it, its prompt and those to generate
     * @param past what comes before the sequence
     * @throws ModelException as {@link #forward(int[])}
     */
    public Trace trace(int[] tokens, int length, Past past) {
        int n = tokens.length;
        if (past.depth + n > config.maxPositions()) {
            throw new ModelException("%d tokens are more than the model's context of %d"
                    .formatted(past.depth + n, config.maxPositions()));
        }
        double[] routerGap = new double[n];
        Arrays.fill(routerGap, Double.POSITIVE_INFINITY);
        List<int[][]> chosen = new ArrayList<>();

        double[] frequencies = config.attention().rope().frequencies(config.headDim(), length);
        double[][] x = new double[n][];
        ExactMatrix embedding = new ExactMatrix(weights.embedding());
        for (int t = 0; t < n; t++) {
            if (tokens[t] < 0 || tokens[t] >= config.vocab()) {
                throw new ModelException("token %d at position %d is outside the vocabulary of %d"
                        .formatted(tokens[t], t, config.vocab()));
            }
            x[t] = scaled(embedding.row(tokens[t]), config.numerics().embeddingMultiplier());
        }
        for (int l = 0; l < config.layers().size(); l++) {
            LayerWeights w = weights.layers().get(l);
            double[][] attended = attention(w, l, normed(x, w.inputNorm()), frequencies, past);
            for (int t = 0; t < n; t++) {
                add(x[t], attended[t], config.numerics().residualMultiplier());
            }
            double[][] h = normed(x, w.postNorm());
            int[][] ofLayer = new int[n][];
            chosen.add(ofLayer);
            for (int t = 0; t < n; t++) {
                Experts experts = new Experts(config.layers().get(l).routing(), w, h[t]);
                ofLayer[t] = experts.chosen;
                routerGap[t] = Math.min(routerGap[t], experts.gap);
                add(x[t], experts.output, config.numerics().residualMultiplier());
            }
        }
        double[][] logits = normed(x, weights.finalNorm());
        double[] logitGap = new double[n];
        ExactMatrix output = new ExactMatrix(weights.output());
        for (int t = 0; t < n; t++) {
            logits[t] = scaled(output.times(logits[t]), config.numerics().logitsScale());
            logitGap[t] = topTwoGap(logits[t]);
        }
        return new Trace(logits, logitGap, routerGap, chosen);
    }

    /** Attention block over all positions: projections, norms, rotary embedding, causal softmax, output projection. */
    private double[][] attention(LayerWeights w, int layer, double[][] h, double[] frequencies, Past past) {
        int before = past.depth;
        int n = before + h.length;
        int dim = config.headDim();
        int window = config.layers().get(layer).slidingWindow();
        double[][] q = new double[n][];
        double[][] k = new double[n][];
        double[][] v = new double[n][];
        for (int t = 0; t < before; t++) {
            double[][] both = past.of.apply(layer, t);
            k[t] = both[0];
            v[t] = both[1];
        }
        for (int t = before; t < n; t++) {
            double[] row = h[t - before];
            q[t] = projected(w.attention().q(), row, w.attention().qkvBias(), 0);
            k[t] = projected(w.attention().k(), row, w.attention().qkvBias(), config.queryWidth());
            v[t] = projected(w.attention().v(), row, w.attention().qkvBias(), config.queryWidth() + config.kvWidth());
            q[t] = rotated(clipped(headNormed(q[t], w.attention().qNorm())), t, frequencies);
            k[t] = rotated(clipped(headNormed(k[t], w.attention().kNorm())), t, frequencies);
            v[t] = clipped(v[t]);
        }
        double[][] out = new double[h.length][];
        int group = config.heads() / config.kvHeads();
        for (int t = before; t < n; t++) {
            double[] mixed = new double[config.queryWidth()];
            int first = window == 0 ? 0 : Math.max(0, t - window + 1);
            for (int head = 0; head < config.heads(); head++) {
                int kvHead = head / group;
                double[] scores = new double[t + 1 - first];
                for (int s = first; s <= t; s++) {
                    double dot = 0;
                    for (int i = 0; i < dim; i++) {
                        dot += q[t][head * dim + i] * k[s][kvHead * dim + i];
                    }
                    scores[s - first] = dot * config.attention().scale();
                }
                double[] share = softmax(scores);
                for (int s = first; s <= t; s++) {
                    for (int i = 0; i < dim; i++) {
                        mixed[head * dim + i] += share[s - first] * v[s][kvHead * dim + i];
                    }
                }
            }
            out[t - before] = projected(w.attention().o(), mixed, w.attention().outputBias(), 0);
        }
        return out;
    }

    private static double[] projected(WeightMatrix matrix, double[] x, @Nullable FloatArray bias, int biasFrom) {
        double[] y = new ExactMatrix(matrix).times(x);
        for (int i = 0; bias != null && i < y.length; i++) {
            y[i] += bias.get(biasFrom + i);
        }
        return y;
    }

    private double[] headNormed(double[] x, @Nullable FloatArray weight) {
        if (weight == null) {
            return x;
        }
        int span = config.qkNorm() == QkNorm.PER_HEAD ? config.headDim() : x.length;
        double[] y = new double[x.length];
        for (int from = 0; from < x.length; from += span) {
            double[] part = rmsNorm(Arrays.copyOfRange(x, from, from + span), weight);
            System.arraycopy(part, 0, y, from, span);
        }
        return y;
    }

    private double[] clipped(double[] x) {
        double most = config.attention().qkvClip();
        for (int i = 0; most > 0 && i < x.length; i++) {
            x[i] = Math.clamp(x[i], -most, most);
        }
        return x;
    }

    private double[] rotated(double[] x, int position, double[] frequencies) {
        double attention = config.attention().rope().scaling().attention();
        int pairs = frequencies.length;
        double[] y = x.clone();
        for (int head = 0; head < x.length; head += config.headDim()) {
            for (int i = 0; i < pairs; i++) {
                double cos = Math.cos(position * frequencies[i]) * attention;
                double sin = Math.sin(position * frequencies[i]) * attention;
                y[head + i] = x[head + i] * cos - x[head + i + pairs] * sin;
                y[head + i + pairs] = x[head + i + pairs] * cos + x[head + i] * sin;
            }
        }
        return y;
    }

    /** The feed-forward of one row: routed experts in ascending order, then the extra expert. */
    private final class Experts {
        final double[] output = new double[config.hidden()];
        final int[] chosen;
        final double gap;

        Experts(Routing routing, LayerWeights w, double[] h) {
            if (routing.experts() > 0) {
                double[] scores = routerScores(Objects.requireNonNull(w.router()), routing.experts(), h);
                boolean[] in = new boolean[scores.length];
                double last = 0;
                for (int i = 0; i < routing.topK(); i++) {
                    int best = argmaxOutside(scores, in);
                    in[best] = true;
                    last = scores[best];
                }
                int next = argmaxOutside(scores, in);
                gap = next < 0 ? Double.POSITIVE_INFINITY : last - scores[next];
                chosen = IntStream.range(0, in.length).filter(e -> in[e]).toArray();
                double[] share = shares(routing, scores, chosen);
                for (int i = 0; i < chosen.length; i++) {
                    add(output, feedForward(w.experts().get(chosen[i]), h), share[i]);
                }
            } else {
                gap = Double.POSITIVE_INFINITY;
                chosen = new int[0];
            }
            switch (routing.extra()) {
                case NONE -> {}
                case ALWAYS -> add(output, feedForward(Objects.requireNonNull(w.extra()), h), 1);
                case SIGMOID_GATE -> {
                    FloatArray gate = Objects.requireNonNull(w.extraGate());
                    double score = 0;
                    for (int i = 0; i < h.length; i++) {
                        score += gate.get(i) * h[i];
                    }
                    add(output, feedForward(Objects.requireNonNull(w.extra()), h), sigmoid(score));
                }
            }
        }
    }

    private static double[] routerScores(FloatArray router, int experts, double[] h) {
        double[] scores = new double[experts];
        for (int e = 0; e < experts; e++) {
            for (int i = 0; i < h.length; i++) {
                scores[e] += router.get(e * h.length + i) * h[i];
            }
        }
        return scores;
    }

    /** Index of the largest value that is not in the set, the lowest of equals; -1 if all are in it. */
    private static int argmaxOutside(double[] values, boolean[] in) {
        int best = -1;
        for (int i = 0; i < values.length; i++) {
            if (!in[i] && (best < 0 || values[i] > values[best])) {
                best = i;
            }
        }
        return best;
    }

    private static double[] shares(Routing routing, double[] scores, int[] chosen) {
        double[] base = routing.rule() == Routing.Rule.SOFTMAX_THEN_TOP_K ? softmax(scores) : scores;
        double[] share = new double[chosen.length];
        if (DoubleStream.of(scores).anyMatch(Double::isNaN)) {
            // Whichever are chosen: a softmax over all is NaN, and a NaN is the largest where the k largest come first.
            Arrays.fill(share, Double.NaN);
            return share;
        }
        double sum = 0;
        for (int i = 0; i < chosen.length; i++) {
            share[i] = base[chosen[i]];
            sum += share[i];
        }
        if (routing.rule() == Routing.Rule.TOP_K_THEN_SOFTMAX) {
            return softmax(share);
        }
        return routing.renormalise() ? scaled(share, 1 / sum) : share;
    }

    private double[] feedForward(ExpertWeights expert, double[] h) {
        double[] up = new ExactMatrix(expert.up()).times(h);
        double[] inner = new double[up.length];
        if (expert.gate() != null) {
            double[] gate = new ExactMatrix(expert.gate()).times(h);
            for (int i = 0; i < inner.length; i++) {
                inner[i] = activated(gate[i]) * up[i];
            }
        } else {
            for (int i = 0; i < inner.length; i++) {
                inner[i] = activated(up[i]);
            }
        }
        return new ExactMatrix(expert.down()).times(inner);
    }

    private double activated(double x) {
        return switch (config.feedForward().activation()) {
            case SILU -> x * sigmoid(x);
            case GELU_TANH -> 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            case RELU -> Math.max(x, 0);
            case GELU -> x * 0.5 * (1 + erf(x / Math.sqrt(2)));
        };
    }

    /** By a series of terms of one sign (Abramowitz and Stegun, 7.1.6). */
    private static double erf(double z) {
        if (Math.abs(z) > 6) {
            return Math.signum(z);
        }
        double sum = z;
        double term = z;
        for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
            term *= 2 * z * z / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private double[][] normed(double[][] x, FloatArray weight) {
        double[][] y = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            y[t] = rmsNorm(x[t], weight);
        }
        return y;
    }

    private double[] rmsNorm(double[] x, FloatArray weight) {
        double squares = 0;
        for (double v : x) {
            squares += v * v;
        }
        double scale = 1 / Math.sqrt(squares / x.length + config.normEps());
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[i] * scale * weight.get(i);
        }
        return y;
    }

    private static double[] softmax(double[] x) {
        double most = Double.NEGATIVE_INFINITY;
        for (double v : x) {
            most = Math.max(most, v);
        }
        double[] y = new double[x.length];
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            y[i] = Math.exp(x[i] - most);
            sum += y[i];
        }
        return scaled(y, 1 / sum);
    }

    private static double[] scaled(double[] x, double factor) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[i] * factor;
        }
        return y;
    }

    private static void add(double[] to, double[] x, double factor) {
        for (int i = 0; i < to.length; i++) {
            to[i] += factor * x[i];
        }
    }

    private static double topTwoGap(double[] x) {
        double first = Double.NEGATIVE_INFINITY;
        double second = Double.NEGATIVE_INFINITY;
        for (double v : x) {
            second = Math.max(second, Math.min(first, v));
            first = Math.max(first, v);
        }
        return first - second;
    }
}
