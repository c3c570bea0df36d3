package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which experts each rank holds, with one entry per slot. */
public final class ExpertPlacement {
    private final int experts;
    private final int[][] ofRank;
    private final int[][] ranksOf;

    /**
     * A placement.
     *
     * @param experts number of experts
     * @param ofRank experts of each rank
     * @throws IllegalArgumentException if an expert is nowhere or does not exist
     */
    public ExpertPlacement(int experts, int[][] ofRank) {
        this.experts = experts;
        this.ofRank = Arrays.stream(ofRank).map(int[]::clone).toArray(int[][]::new);
        List<IntStream.Builder> ranks = Stream.generate(IntStream::builder).limit(experts).toList();
        for (int rank = 0; rank < ofRank.length; rank++) {
            for (int expert : ofRank[rank]) {
                if (expert < 0 || expert >= experts) {
                    throw new IllegalArgumentException("there is no expert " + expert);
                }
                ranks.get(expert).add(rank);
            }
        }
        ranksOf = ranks.stream().map(of -> of.build().toArray()).toArray(int[][]::new);
        for (int expert = 0; expert < experts; expert++) {
            if (ranksOf[expert].length == 0) {
                throw new IllegalArgumentException("expert %d is on no rank".formatted(expert));
            }
        }
    }

    /** {@return number of experts} */
    public int experts() {
        return experts;
    }

    /** {@return number of ranks} */
    public int ranks() {
        return ofRank.length;
    }

    /**
     * {@return experts of a rank, slot by slot}
     *
     * @param rank index of the rank
     */
    public int[] ofRank(int rank) {
        return ofRank[rank].clone();
    }

    /** {@return expert of each slot, rank by rank} */
    public int[] assignment() {
        return Arrays.stream(ofRank).flatMapToInt(Arrays::stream).toArray();
    }

    /**
     * {@return ranks that hold an expert, ascending}
     *
     * @param expert index of the expert
     */
    public int[] ranksOf(int expert) {
        return ranksOf[expert].clone();
    }

    /** {@return number of replicas of each expert} */
    public int[] replicas() {
        return Arrays.stream(ranksOf).mapToInt(of -> of.length).toArray();
    }

    /** {@return whether no rank holds an expert twice} */
    public boolean isDistinct() {
        return Arrays.stream(ofRank).allMatch(of -> Arrays.stream(of).distinct().count() == of.length);
    }

    /**
     * {@return load of each rank if the replicas of an expert divide its load evenly}
     *
     * @param loads load of each expert
     */
    public double[] rankLoads(double[] loads) {
        double[] sums = new double[ofRank.length];
        for (int rank = 0; rank < sums.length; rank++) {
            for (int expert : ofRank[rank]) {
                sums[rank] += loads[expert] / ranksOf[expert].length;
            }
        }
        return sums;
    }

    /**
     * {@return largest over mean load of a rank if replicas divide loads evenly; 1 where there is no load}
     *
     * @param loads load of each expert
     */
    public double imbalance(double[] loads) {
        double[] sums = rankLoads(loads);
        double total = Arrays.stream(loads).sum();
        return total == 0 ? 1 : Arrays.stream(sums).max().orElseThrow() / (total / sums.length);
    }

    /**
     * {@return the same placement with ranks renumbered to keep as many experts in place as it can, largest overlap
     * first} Ranks keep their number of slots.
     *
     * @param before experts of each rank at present; as many ranks as here
     */
    public ExpertPlacement numberedLike(List<List<Integer>> before) {
        int n = ofRank.length;
        int[][] renumbered = new int[n][];
        boolean[] used = new boolean[n];
        for (int round = 0; round < n; round++) {
            int most = -1;
            int from = -1;
            int to = -1;
            for (int rank = 0; rank < n; rank++) {
                for (int there = 0; there < n && !used[rank]; there++) {
                    if (renumbered[there] == null && ofRank[there].length == ofRank[rank].length) {
                        List<Integer> held = before.get(there);
                        int common = (int) Arrays.stream(ofRank[rank]).filter(held::contains).count();
                        if (common > most) {
                            most = common;
                            from = rank;
                            to = there;
                        }
                    }
                }
            }
            used[from] = true;
            renumbered[to] = ofRank[from].clone();
        }
        return new ExpertPlacement(experts, renumbered);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ExpertPlacement that && experts == that.experts
                && Arrays.deepEquals(ofRank, that.ofRank);
    }

    @Override
    public int hashCode() {
        return Arrays.deepHashCode(ofRank);
    }

    @Override
    public String toString() {
        return Arrays.deepToString(ofRank);
    }
}
