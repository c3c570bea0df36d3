package io.maseparation.moe;

import io.maseparation.files.ModelException;
import java.util.Comparator;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Chooses the next token from logits. What it chooses depends on the logits, the seed, the sequence's number and the
 * step only, so neither the layout nor the order of a batch changes a sequence.
 *
 * @param temperature divisor of logits; 0 for greedy
 * @param topP share of probability that is sampled from, the most probable tokens first; 1 for all
 * @param seed of all sequences
 */
public record Sampler(double temperature, double topP, long seed) {

    /** Checks the ranges. */
    public Sampler {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new ModelException("temperature %s is not a number from 0".formatted(temperature));
        }
        if (!(topP > 0) || topP > 1) {
            throw new ModelException("top-p %s is not above 0 and at most 1".formatted(topP));
        }
    }

    /** {@return the most probable token, always} */
    public static Sampler greedy() {
        return new Sampler(0, 1, 0);
    }

    /**
     * {@return the next token}
     *
     * @param logits array with the logits of one row at {@code offset}
     * @param offset index of the first token's logit
     * @param vocab number of tokens
     * @param sequence number of the sequence among the run's prompts, whatever rank it is on
     * @param step output tokens the sequence has already
     * @throws ModelException if a logit is not a number: the weights or a kernel are broken
     */
    public int sample(FloatArray logits, int offset, int vocab, int sequence, int step) {
        float[] row = new float[vocab];
        for (int i = 0; i < vocab; i++) {
            row[i] = logits.get(offset + i);
        }
        return sample(row, 0, vocab, sequence, step);
    }

    /**
     * {@return the next token, as {@link #sample(FloatArray, int, int, int, int)}, from logits on the heap}
     *
     * @param logits logits of one or more rows
     * @param offset index of the first token's logit
     * @param vocab number of tokens
     * @param sequence number of the sequence among the run's prompts
     * @param step output tokens the sequence has already
     */
    public int sample(float[] logits, int offset, int vocab, int sequence, int step) {
        int best = 0;
        for (int i = 0; i < vocab; i++) {
            float logit = logits[offset + i];
            if (Float.isNaN(logit)) {
                throw new ModelException(
                        "logit of token %d of sequence %d, step %d, is not a number".formatted(i, sequence, step));
            }
            if (logit > logits[offset + best]) {
                best = i;
            }
        }
        // An infinite logit leaves nothing to weigh: every ratio to it is 0 or undefined.
        if (temperature == 0 || Float.isInfinite(logits[offset + best])) {
            return best;
        }
        double most = logits[offset + best];
        double[] weights = new double[vocab];
        double sum = 0;
        for (int i = 0; i < vocab; i++) {
            weights[i] = Math.exp((logits[offset + i] - most) / temperature);
            sum += weights[i];
        }
        double u = CounterRandom.uniform(CounterRandom.key(seed, sequence), step);
        return topP == 1
                ? pick(IntStream.range(0, vocab).toArray(), vocab, weights, u * sum)
                : nucleus(weights, sum, u);
    }

    /** Samples from the smallest set of most probable tokens that has at least the share topP; ties by lowest index. */
    private int nucleus(double[] weights, double sum, double u) {
        int[] order = IntStream.range(0, weights.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -weights[i]))
                .mapToInt(i -> i)
                .toArray();
        double kept = 0;
        int n = 0;
        while (n < order.length && (n == 0 || kept < topP * sum)) {
            kept += weights[order[n++]];
        }
        return pick(order, n, weights, u * kept);
    }

    private static int pick(int[] order, int n, double[] weights, double target) {
        double below = 0;
        for (int i = 0; i < n; i++) {
            below += weights[order[i]];
            if (target < below) {
                return order[i];
            }
        }
        for (int i = n - 1; i > 0; i--) {
            if (weights[order[i]] > 0) {
                return order[i];
            }
        }
        return order[0];
    }
}
