package io.maseparation.parallel.balance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpertBalancerTest {
    /** Of sums of loads that are added in another order. */
    private static final double ROUNDING = 1e-9;

    private static final double[][] PUBLISHED = {
        {90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86}, {20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27}
    };

    @Test
    void greedyIsThePublishedAlgorithm() {
        int[][] expected = {
            {5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1}, {7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1}
        };
        for (int i = 0; i < PUBLISHED.length; i++) {
            ExpertPlacement greedy = GreedyBalancer.balance(BalanceProblem.of(PUBLISHED[i], 8, 2, 2, 4));
            assertThat(greedy.assignment()).isEqualTo(expected[i]);
        }
    }

    /**
     * Largest over mean load: published for the greedy algorithm, and the optimum over placements without duplicates.
     */
    @ParameterizedTest
    @CsvSource({"0, 1, 1, 1.0726, 1.0532", "1, 1, 1, 1.1903, 1.1903", "0, 2, 4, 1.2081, 1.1694",
        "1, 2, 4, 1.2422, 1.2422"})
    void publishedLoadsAreSolvedToTheOptimum(int loads, int nodes, int groups, double greedy, double optimum) {
        BalanceProblem problem = BalanceProblem.of(PUBLISHED[loads], 8, 2, nodes, groups);
        BalanceResult result = ExpertBalancer.balance(problem);

        assertThat(result.greedyImbalance()).isCloseTo(greedy, within(5e-5));
        assertThat(result.imbalance()).isCloseTo(optimum, within(5e-5));
        assertThat(result.optimal()).isTrue();
        assertThat(result.boundImbalance()).isEqualTo(result.imbalance());
        assertIsPlacement(problem, result.placement());
    }

    @Test
    void noExpertIsTwiceOnARankWhereGreedyPutsItTwice() {
        double[] loads = {1000, 1, 1, 1, 1, 1, 1, 1};
        for (int nodes = 1; nodes <= 2; nodes++) {
            BalanceProblem problem = BalanceProblem.of(loads, 4, 3, nodes, nodes * 2);
            BalanceResult result = ExpertBalancer.balance(problem);

            assertThat(result.greedy().isDistinct()).isFalse();
            assertIsPlacement(problem, result.placement());
            assertThat(result.placement().replicas()[0]).isEqualTo(4 / nodes);
            assertThat(result.imbalance()).isLessThan(result.greedyImbalance());
            assertThat(result.optimal()).isTrue();
        }
    }

    /**
     * Any loads, ranks, slots, nodes and groups. A greedy placement that has an expert twice on a rank is not one: the
     * rank then has two shares of three, say, which is a division that replicas with equal shares do not have.
     */
    @Property(tries = 40)
    void isAPlacementBetweenBoundAndGreedy(@ForAll long seed) {
        assertBetweenBoundAndGreedy(seed);
    }

    @Tag("long")
    @Property(tries = 500)
    void manyArePlacementsBetweenBoundAndGreedy(@ForAll long seed) {
        assertBetweenBoundAndGreedy(seed);
    }

    private static void assertBetweenBoundAndGreedy(long seed) {
        BalanceProblem problem = random(new SplittableRandom(seed));
        BalanceResult result = ExpertBalancer.balance(problem);

        assertIsPlacement(problem, result.placement());
        assertThat(result.placement().imbalance(problem.loads())).isCloseTo(result.imbalance(), within(ROUNDING));
        assertThat(result.boundImbalance()).isLessThanOrEqualTo(result.imbalance() + ROUNDING);
        if (result.greedy().isDistinct()) {
            assertThat(result.imbalance()).isLessThanOrEqualTo(result.greedyImbalance() + ROUNDING);
        }
        ExpertPlacement quick = ExpertBalancer.quick(problem);
        assertIsPlacement(problem, quick);
        assertThat(result.imbalance()).isLessThanOrEqualTo(quick.imbalance(problem.loads()) + ROUNDING);
        if (result.greedy().isDistinct()) {
            assertThat(quick.imbalance(problem.loads())).isLessThanOrEqualTo(result.greedyImbalance() + ROUNDING);
        }
    }

    /** Few enough slots to look at every placement there is, in another way. */
    @Property(tries = 100)
    void smallCasesAreOptimal(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int ranks = 1 + random.nextInt(3);
        int experts = 1 + random.nextInt(5);
        int slots = Math.min(experts, (experts + ranks - 1) / ranks + random.nextInt(2));
        double[] loads = random.doubles(experts).map(x -> Math.floor(20 * x * x)).toArray();
        BalanceProblem problem = BalanceProblem.of(loads, ranks, slots);
        BalanceResult result = ExpertBalancer.balance(problem);

        assertThat(result.optimal()).isTrue();
        assertThat(result.heaviest()).isCloseTo(leastOfAll(loads, ranks, slots), within(ROUNDING));
    }

    private static double leastOfAll(double[] loads, int ranks, int slots) {
        return leastOfAll(loads, new int[ranks], 0, slots);
    }

    /** Every rank holds any set of experts of the right size; sets are bits. */
    private static double leastOfAll(double[] loads, int[] sets, int at, int slots) {
        if (at == sets.length) {
            int[] replicas = new int[loads.length];
            for (int set : sets) {
                for (int e = 0; e < loads.length; e++) {
                    replicas[e] += set >> e & 1;
                }
            }
            if (Arrays.stream(replicas).anyMatch(r -> r == 0)) {
                return Double.POSITIVE_INFINITY;
            }
            double most = 0;
            for (int set : sets) {
                double sum = 0;
                for (int e = 0; e < loads.length; e++) {
                    sum += (set >> e & 1) == 1 ? loads[e] / replicas[e] : 0;
                }
                most = Math.max(most, sum);
            }
            return most;
        }
        double least = Double.POSITIVE_INFINITY;
        for (int set = 0; set < 1 << loads.length; set++) {
            if (Integer.bitCount(set) == slots) {
                sets[at] = set;
                least = Math.min(least, leastOfAll(loads, sets, at + 1, slots));
            }
        }
        return least;
    }

    @Test
    void largeSkewedCaseComesCloseToTheBound() {
        SplittableRandom random = new SplittableRandom(7);
        double[] loads = new double[256];
        for (int e = 0; e < loads.length; e++) {
            loads[e] = Math.pow(e + 1, -1.2) * (1 + random.nextDouble());
        }
        BalanceProblem problem = BalanceProblem.of(loads, 64, 5);
        BalanceResult result = ExpertBalancer.balance(problem);

        assertIsPlacement(problem, result.placement());
        assertThat(result.imbalance()).isLessThan(1.005).isLessThan(result.greedyImbalance());
        assertThat(ExpertBalancer.quick(problem).imbalance(loads)).isLessThan(result.greedyImbalance());
    }

    @Test
    void ranksMayHoldDifferentNumbers() {
        double[] loads = {8, 1, 1, 1, 1, 4, 4, 4};
        BalanceProblem problem = new BalanceProblem(loads, new int[] {2, 3, 5}, 1, 1);
        BalanceResult result = ExpertBalancer.balance(problem);

        assertIsPlacement(problem, result.placement());
        assertThat(result.optimal()).isTrue();
        assertThat(result.imbalance()).isLessThanOrEqualTo(result.greedyImbalance());
    }

    @Test
    void noLoadIsBalanced() {
        BalanceResult result = ExpertBalancer.balance(BalanceProblem.of(new double[6], 3, 3));

        assertThat(result.imbalance()).isEqualTo(1);
        assertThat(result.placement().isDistinct()).isTrue();
    }

    @Property(tries = 100)
    void numberedLikeAnotherItIsTheSame(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int ranks = 1 + random.nextInt(6);
        double[] loads = random.doubles((long) ranks * (1 + random.nextInt(4))).toArray();
        int perRank = loads.length / ranks;
        ExpertPlacement before = new ExpertPlacement(
                loads.length,
                IntStream.range(0, ranks)
                        .mapToObj(rank -> IntStream.range(rank * perRank, (rank + 1) * perRank).toArray())
                        .toArray(int[][]::new));
        ExpertPlacement found = ExpertBalancer.quick(BalanceProblem.of(loads, ranks, perRank));
        List<List<Integer>> held = Arrays.stream(ofRanks(before))
                .map(of -> Arrays.stream(of).boxed().toList())
                .toList();
        ExpertPlacement numbered = found.numberedLike(held);

        assertThat(List.of(ofRanks(numbered))).containsExactlyInAnyOrder(ofRanks(found));
        assertThat(before.numberedLike(held)).isEqualTo(before);
        double[] sums = numbered.rankLoads(loads);
        assertThat(Arrays.stream(sums).max().orElseThrow())
                .isCloseTo(Arrays.stream(found.rankLoads(loads)).max().orElseThrow(), within(ROUNDING));
    }

    @Test
    void theSameProblemHasTheSameAnswer() {
        BalanceProblem problem = random(new SplittableRandom(11));
        assertThat(ExpertBalancer.balance(problem).placement())
                .isEqualTo(ExpertBalancer.balance(problem).placement());
    }

    @Test
    void whatCannotBePlacedIsRefused() {
        double[] loads = {1, 2, 3, 4};
        assertThatThrownBy(() -> BalanceProblem.of(loads, 3, 1)).hasMessage(
                "3 slots on ranks 0 to 2 are fewer than the 4 experts for them");
        assertThatThrownBy(() -> BalanceProblem.of(loads, 2, 5)).hasMessageContaining("1 to 4 different experts");
        assertThatThrownBy(() -> BalanceProblem.of(loads, 4, 3, 2, 2)).hasMessageContaining("1 to 2 different experts");
        assertThatThrownBy(() -> BalanceProblem.of(loads, 4, 1, 2, 3)).hasMessageContaining("3 groups");
        assertThatThrownBy(() -> BalanceProblem.of(new double[] {1, Double.NaN}, 1, 2))
                .hasMessageContaining("expert 1");
        assertThatThrownBy(() -> BalanceProblem.of(new double[] {-1}, 1, 1)).hasMessageContaining("-1.0");
    }

    private static int[][] ofRanks(ExpertPlacement placement) {
        return IntStream.range(0, placement.ranks()).mapToObj(placement::ofRank).toArray(int[][]::new);
    }

    private static BalanceProblem random(SplittableRandom random) {
        int nodes = 1 + random.nextInt(3);
        int groups = nodes * (1 + random.nextInt(3));
        int ranks = nodes * (1 + random.nextInt(4));
        int experts = groups * (1 + random.nextInt(6));
        int least = (experts / nodes + ranks / nodes - 1) / (ranks / nodes);
        int slots = Math.min(experts / nodes, least + random.nextInt(3));
        double skew = 2 * random.nextDouble();
        double[] loads = new double[experts];
        for (int e = 0; e < experts; e++) {
            loads[e] = random.nextInt(8) == 0 ? 0 : Math.pow(1 + random.nextInt(experts), -skew) * random.nextDouble();
        }
        return BalanceProblem.of(loads, ranks, slots, nodes, groups);
    }

    private static void assertIsPlacement(BalanceProblem problem, ExpertPlacement placement) {
        assertThat(placement.isDistinct()).isTrue();
        assertThat(Arrays.stream(ofRanks(placement)).mapToInt(of -> of.length).toArray()).isEqualTo(problem.slots());
        assertThat(Arrays.stream(placement.replicas()).allMatch(r -> r > 0)).isTrue();
        int ranks = problem.ranks() / problem.nodes();
        int size = problem.experts() / problem.groups();
        int[] nodeOfGroup = new int[problem.groups()];
        Arrays.fill(nodeOfGroup, -1);
        for (int rank = 0; rank < problem.ranks(); rank++) {
            for (int expert : placement.ofRank(rank)) {
                int group = problem.nodes() == 1 ? 0 : expert / size;
                int node = problem.nodes() == 1 ? 0 : rank / ranks;
                assertThat(nodeOfGroup[group]).as("node of group %d", group).isIn(-1, node);
                nodeOfGroup[group] = node;
            }
        }
    }
}
