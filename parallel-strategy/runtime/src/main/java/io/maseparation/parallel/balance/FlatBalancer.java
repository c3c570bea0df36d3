package io.maseparation.parallel.balance;

import java.util.SplittableRandom;

/** Balances ranks without nodes: greedy, local search, and on small cases branch and bound. */
final class FlatBalancer {
    /** Slots up to which all placements are enumerated. */
    private static final int EXACT_SLOTS = 24;

    /** Most partial placements that an enumeration looks at, which takes about half a second. */
    private static final long EXACT_NODES = 4_000_000;

    /** Pairs of slots that an iterated local search compares, which takes about half a second. */
    private static final double SEARCH_WORK = 2e8;

    private static final int MOST_ROUNDS = 1000;

    /** Steps of local search where a placement has to be quick. */
    private static final int QUICK_STEPS = 16;

    /** Fraction of the mean load by which the heaviest rank may exceed it where a placement has to be quick. */
    private static final double QUICK_ENOUGH = 0.005;

    private FlatBalancer() {}

    /**
     * A placement.
     *
     * @param experts of each rank, all different
     * @param heaviest load of the heaviest rank
     * @param bound load that some rank has under every placement
     */
    record Part(int[][] experts, double heaviest, double bound) {
        boolean optimal() {
            return heaviest <= bound * (1 + 1e-9);
        }
    }

    /** Whether {@link #thorough} enumerates all placements. */
    static boolean isSmall(BalanceProblem problem) {
        return problem.totalSlots() <= EXACT_SLOTS;
    }

    /** Greedy and some steps of local search. */
    static int[][] quick(BalanceProblem problem) {
        LocalSearch search = distinct(problem);
        search.descend(problem.meanLoad() * (1 + QUICK_ENOUGH), QUICK_STEPS);
        return search.placement();
    }

    /** Greedy and local search until no step helps. */
    static Part descent(BalanceProblem problem) {
        double bound = BalanceBound.of(problem);
        LocalSearch search = descended(problem, bound);
        return new Part(search.placement(), search.heaviest(), Math.min(bound, search.heaviest()));
    }

    /** The best placement that about a second of search finds. */
    static Part thorough(BalanceProblem problem) {
        double bound = BalanceBound.of(problem);
        LocalSearch search = descended(problem, bound);
        double width = (double) problem.totalSlots() / problem.ranks();
        double step = 2 * width * problem.totalSlots();
        search.search(
                bound, (int) Math.clamp(SEARCH_WORK / (16 * step), 1, MOST_ROUNDS), new SplittableRandom(0));
        if (!isSmall(problem)) {
            return new Part(search.placement(), search.heaviest(), Math.min(bound, search.heaviest()));
        }
        ExactSearch.Found found =
                ExactSearch.search(problem, search.placement(), search.heaviest(), bound, EXACT_NODES);
        double heaviest = new LocalSearch(problem.loads(), found.placement()).heaviest();
        return new Part(found.placement(), heaviest, found.optimal() ? heaviest : Math.min(bound, heaviest));
    }

    /** The better end of two descents, from replicas given out with and without the limit of one per rank. */
    private static LocalSearch descended(BalanceProblem problem, double bound) {
        LocalSearch greedy =
                new LocalSearch(problem.loads(), GreedyBalancer.global(problem, false));
        LocalSearch distinct = distinct(problem);
        greedy.descend(bound, Integer.MAX_VALUE);
        distinct.descend(bound, Integer.MAX_VALUE);
        return distinct.heaviest() < greedy.heaviest() ? distinct : greedy;
    }

    private static LocalSearch distinct(BalanceProblem problem) {
        return new LocalSearch(problem.loads(), GreedyBalancer.global(problem, true));
    }
}
