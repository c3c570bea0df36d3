package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/**
 * Which replica serves which tokens of a step. The tokens of an expert are numbered in an order that all ranks agree on
 * (source rank by source rank, row by row); each replica takes consecutive ones.
 */
public final class Dispatch {
    private final int[][] ranksOf;
    private final int[][] tokens;
    private final double seconds;

    /**
     * @param ranksOf ranks of each expert
     * @param tokens tokens of each expert for each of these ranks
     * @param seconds time of the slowest rank
     */
    Dispatch(int[][] ranksOf, int[][] tokens, double seconds) {
        this.ranksOf = ranksOf;
        this.tokens = tokens;
        this.seconds = seconds;
    }

    /** {@return time of the slowest rank, in seconds} */
    public double seconds() {
        return seconds;
    }

    /**
     * {@return tokens of an expert for each of its ranks, in the order of {@link ExpertPlacement#ranksOf}}
     *
     * @param expert index of the expert
     */
    public int[] tokens(int expert) {
        return tokens[expert].clone();
    }

    /**
     * {@return tokens of each rank}
     *
     * @param ranks number of ranks
     */
    public int[] tokensOfRanks(int ranks) {
        return sums(ranks, n -> n);
    }

    /**
     * {@return number of experts on each rank that serve at least one token}
     *
     * @param ranks number of ranks
     */
    public int[] visitsOfRanks(int ranks) {
        return sums(ranks, n -> n > 0 ? 1 : 0);
    }

    /** For each rank the sum of what the tokens of its experts count for. */
    private int[] sums(int ranks, IntUnaryOperator count) {
        int[] sums = new int[ranks];
        for (int expert = 0; expert < tokens.length; expert++) {
            for (int i = 0; i < tokens[expert].length; i++) {
                sums[ranksOf[expert][i]] += count.applyAsInt(tokens[expert][i]);
            }
        }
        return sums;
    }

    /** {@return number of experts with tokens on more than one rank} */
    public int splits() {
        return (int) Arrays.stream(tokens)
                .filter(of -> Arrays.stream(of).filter(t -> t > 0).count() > 1)
                .count();
    }

    /**
     * {@return the rank that serves a token}
     *
     * @param expert index of the expert
     * @param token number of the token among those of the expert, from 0
     */
    public int rankOf(int expert, int token) {
        int left = token;
        int[] of = tokens[expert];
        for (int i = 0; i < of.length; i++) {
            if (left < of[i]) {
                return ranksOf[expert][i];
            }
            left -= of[i];
        }
        throw new IllegalArgumentException("expert %d has no token %d".formatted(expert, token));
    }
}
