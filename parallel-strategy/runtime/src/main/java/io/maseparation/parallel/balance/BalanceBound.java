package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.Optional;

/**
 * A load that some rank has under every placement. Two facts are used: some rank has at least the mean; and for the
 * heaviest rank to weigh no more than T, an expert of load w needs at least w / (T − q) replicas, where q is the least
 * that the other slots of a rank can weigh, and all experts together must not need more replicas than there are slots.
 * The replicas that the others need limit how many an expert can have, which bounds q from below.
 */
final class BalanceBound {
    private static final int BISECTIONS = 100;

    /** Fraction of a replica below which the need for another one is a rounding error. */
    private static final double ROUNDING = 1e-9;

    private final double[] loads;
    private final int ranks;
    private final int slots;
    /** Slots of the rank with fewest, less one. */
    private final int others;

    private BalanceBound(BalanceProblem problem) {
        loads = problem.loads();
        ranks = problem.ranks();
        slots = problem.totalSlots();
        others = Arrays.stream(problem.slots()).min().orElseThrow() - 1;
    }

    /**
     * The bound, in the unit of the loads. Keeping groups on nodes only restricts placements, so the bound holds with
     * nodes too.
     */
    static double of(BalanceProblem problem) {
        BalanceBound bound = new BalanceBound(problem);
        double low = problem.meanLoad();
        if (low == 0 || bound.replicasFor(low).isPresent()) {
            return low;
        }
        double high = problem.totalLoad();
        for (int i = 0; i < BISECTIONS && high - low > LocalSearch.TOLERANCE * low; i++) {
            double middle = low + (high - low) / 2;
            if (bound.replicasFor(middle).isPresent()) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return low;
    }

    /**
     * The fewest replicas of each expert with which the heaviest rank may weigh no more than {@code most}.
     *
     * @return empty if that needs more slots than there are
     */
    static Optional<int[]> replicasFor(BalanceProblem problem, double most) {
        return new BalanceBound(problem).replicasFor(most);
    }

    private Optional<int[]> replicasFor(double most) {
        int n = loads.length;
        int[] needed = new int[n];
        Arrays.fill(needed, 1);
        int sum = n;
        double[] least = new double[n];
        while (true) {
            for (int i = 0; i < n; i++) {
                least[i] = loads[i] / Math.min(ranks, needed[i] + slots - sum);
            }
            int[] order = Indices.ascending(n, i -> least[i]);
            double lightest = 0;
            for (int i = 0; i < others; i++) {
                lightest += least[order[i]];
            }
            int before = sum;
            sum = 0;
            for (int at = 0; at < n; at++) {
                int i = order[at];
                // A rank holds an expert only once, so the expert is not in any of the rank's other slots.
                double room = most - (at < others ? lightest - least[i] + least[order[others]] : lightest);
                if (loads[i] > 0) {
                    double replicas = room > 0 ? Math.ceil(loads[i] / room - ROUNDING) : Double.POSITIVE_INFINITY;
                    if (replicas > ranks) {
                        return Optional.empty();
                    }
                    needed[i] = Math.max(needed[i], (int) replicas);
                }
                sum += needed[i];
            }
            if (sum > slots) {
                return Optional.empty();
            }
            if (sum == before) {
                return Optional.of(needed);
            }
        }
    }
}
