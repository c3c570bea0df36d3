package io.maseparation.moe;

import java.util.Arrays;
import java.util.List;

/**
 * Rotary position embedding (Su et al., arXiv 2104.09864) in the half-split form of Hugging Face: element i of the
 * rotated part of a head is rotated with element i + half of that part's size.
 *
 * @param theta base of the frequencies
 * @param partial share of a head's elements, the first ones, that is rotated; 1 for all
 * @param scaling how frequencies are changed for contexts longer than those of the training
 */
public record Rope(double theta, double partial, Scaling scaling) {

    /** How frequencies are changed. */
    public sealed interface Scaling {
        /** {@return factor on cosines and sines} */
        default double attention() {
            return 1;
        }
    }

    /**
     * Positions divided by a factor.
     *
     * @param factor the divisor; 1 for no scaling
     */
    public record Linear(double factor) implements Scaling {}

    /**
     * A base that grows with the request ("NTK-aware", as transformers' dynamic).
     *
     * @param factor scale of the growth
     * @param original longest request without scaling, in tokens
     */
    public record Dynamic(double factor, int original) implements Scaling {}

    /**
     * YaRN (Peng et al., arXiv 2309.00071): frequencies divided by a factor, those that turn often less so.
     *
     * @param factor the divisor
     * @param original context of the training, in tokens
     * @param betaFast turns within that context from which on a frequency stays
     * @param betaSlow turns up to which it is divided
     * @param truncate whether the bounds between are whole pairs
     * @param attention factor on cosines and sines
     */
    public record Yarn(
            double factor, int original, double betaFast, double betaSlow, boolean truncate, double attention)
            implements
                Scaling {}

    /**
     * Llama 3.1's: long waves are stretched by a factor.
     *
     * @param factor the divisor of frequencies
     * @param original context of the training, in tokens
     * @param low turns within that context up to which a frequency is divided
     * @param high turns from which on it stays
     */
    public record Llama3(double factor, int original, double low, double high) implements Scaling {}

    /**
     * LongRoPE (Ding et al., arXiv 2402.13753): a divisor for each pair, one list for short requests and one for long.
     *
     * @param original longest request that counts as short, in tokens
     * @param shorts divisors of short requests
     * @param longs divisors of long requests
     * @param attention factor on cosines and sines
     */
    public record LongRope(int original, List<Double> shorts, List<Double> longs, double attention)
            implements
                Scaling {
        /** Copies the lists. */
        public LongRope {
            shorts = List.copyOf(shorts);
            longs = List.copyOf(longs);
        }
    }

    /**
     * Whole heads are rotated.
     *
     * @param theta base of the frequencies
     * @param factor divisor of positions; 1 for none
     */
    public Rope(double theta, double factor) {
        this(theta, 1, new Linear(factor));
    }

    /**
     * {@return pairs of elements of a head that are rotated}
     *
     * @param headDim elements of a head; even
     */
    public int pairs(int headDim) {
        return (int) (headDim * partial) / 2;
    }

    /**
     * {@return longest request that the model is meant for, in tokens}
     *
     * @param positions the same without scaling, or of a model whose configuration says it with scaling
     */
    int longest(int positions) {
        double stretched = switch (scaling) {
            case Dynamic dynamic -> dynamic.factor * dynamic.original;
            case Yarn yarn -> yarn.factor * yarn.original;
            default -> 0;
        };
        return (int) Math.clamp(stretched, positions, 1 << 30);
    }

    /**
     * {@return the shortest request whose frequencies are those of a request, or a shorter one than any}
     *
     * @param length tokens of the request, its prompt and those to generate
     */
    public int same(int length) {
        return switch (scaling) {
            case Dynamic dynamic -> Math.max(length, dynamic.original);
            case LongRope rope -> length > rope.original ? rope.original + 1 : 0;
            default -> 0;
        };
    }

    /**
     * {@return angle between neighbouring positions for each pair, in radians}
     *
     * @param headDim elements of a head; even
     * @param length tokens of the request, its prompt and those to generate
     */
    public double[] frequencies(int headDim, int length) {
        int dim = 2 * pairs(headDim);
        double[] plain = new double[dim / 2];
        double base = scaling instanceof Dynamic(double factor, int original)
                ? theta * Math.pow(
                        factor * Math.max(length, original) / original - (factor - 1), dim / (dim - 2.0))
                : theta;
        Arrays.setAll(plain, i -> Math.pow(base, -2.0 * i / dim));
        double[] scaled = new double[dim / 2];
        Arrays.setAll(scaled, i -> switch (scaling) {
            case Linear linear -> plain[i] / linear.factor;
            case Dynamic _ -> plain[i];
            case Yarn yarn -> yarn(yarn, plain[i], i, dim);
            case Llama3 llama -> llama3(llama, plain[i]);
            case LongRope rope -> plain[i] / (length > rope.original ? rope.longs : rope.shorts).get(i);
        });
        return scaled;
    }

    private double yarn(Yarn yarn, double frequency, int i, int dim) {
        double low = pairOfTurns(yarn.betaFast, yarn.original, dim);
        double high = pairOfTurns(yarn.betaSlow, yarn.original, dim);
        low = Math.max(yarn.truncate ? Math.floor(low) : low, 0);
        high = Math.min(yarn.truncate ? Math.ceil(high) : high, dim - 1);
        double divided = Math.clamp((i - low) / (high == low ? 0.001 : high - low), 0, 1);
        return frequency * (divided / yarn.factor + 1 - divided);
    }

    /** The pair, as a broken number, that turns so often within the context of the training. */
    private double pairOfTurns(double turns, int original, int dim) {
        return dim * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    private static double llama3(Llama3 llama, double frequency) {
        double turns = llama.original * frequency / (2 * Math.PI);
        double kept = Math.clamp((turns - llama.low) / (llama.high - llama.low), 0, 1);
        return frequency * ((1 - kept) / llama.factor + kept);
    }
}
