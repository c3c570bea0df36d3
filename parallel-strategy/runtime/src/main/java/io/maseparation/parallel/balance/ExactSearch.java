package io.maseparation.parallel.balance;

import java.util.Arrays;
import java.util.Optional;

/**
 * Branch and bound over all placements on ranks without nodes: every number of replicas that may beat the best
 * placement so far, and for each every packing, heaviest replicas first. Branches are cut off where they overfill a
 * rank, waste more room than the ranks have to spare, or differ only in which of several empty ranks they use. Meant
 * for small cases; the number of partial placements is limited.
 */
final class ExactSearch {
    private final double[] loads;
    private final int[] byLoad;
    private final int ranks;
    private final int[] slots;
    private final double total;
    private final double tolerance;
    private long nodesLeft;

    private double least;
    private int[][] found;

    // One packing.
    private final int[] items;
    private final double[] units;
    private final double[] sums;
    private final int[] filled;
    private final int[][] packed;

    private ExactSearch(BalanceProblem problem, int[][] start, double heaviest, long nodes) {
        loads = problem.loads();
        ranks = problem.ranks();
        slots = problem.slots();
        total = problem.totalLoad();
        tolerance = 1e-9 * problem.meanLoad();
        byLoad = Indices.ascending(loads.length, e -> -loads[e]);
        nodesLeft = nodes;
        least = heaviest;
        found = start;
        items = new int[problem.totalSlots()];
        units = new double[items.length];
        sums = new double[ranks];
        filled = new int[ranks];
        packed = Arrays.stream(slots).mapToObj(int[]::new).toArray(int[][]::new);
    }

    /**
     * What the search found.
     *
     * @param placement experts of each rank
     * @param optimal whether there is no better one, to 1e-9 of the mean load
     */
    record Found(int[][] placement, boolean optimal) {}

    /**
     * Searches.
     *
     * @param start placement to beat
     * @param heaviest its heaviest rank
     * @param bound lower bound of every placement, at which the search ends
     * @param nodes most partial placements to look at
     */
    static Found search(BalanceProblem problem, int[][] start, double heaviest, double bound, long nodes) {
        ExactSearch search = new ExactSearch(problem, start, heaviest, nodes);
        if (heaviest <= bound + search.tolerance) {
            return new Found(start, true);
        }
        double before;
        do {
            // Any improvement can lower what is needed of each expert, so the enumeration starts afresh.
            before = search.least;
            Optional<int[]> needed = BalanceBound.replicasFor(problem, before - search.tolerance);
            if (needed.isPresent()) {
                int spare = problem.totalSlots() - Arrays.stream(needed.get()).sum();
                search.replicate(0, needed.get(), spare, before);
            }
        } while (search.least < before && search.nodesLeft > 0 && search.least > bound + search.tolerance);
        return new Found(
                search.found, search.nodesLeft > 0 || search.least <= bound + search.tolerance);
    }

    /**
     * Gives out the spare replicas among the experts from the {@code at}-th heaviest; stops at the first improvement.
     */
    private void replicate(int at, int[] replicas, int spare, double before) {
        if (nodesLeft <= 0 || least < before) {
            return;
        }
        if (spare == 0) {
            pack(replicas);
            return;
        }
        if (at == byLoad.length) {
            return;
        }
        nodesLeft--;
        int expert = byLoad[at];
        int most = Math.min(spare, ranks - replicas[expert]);
        int had = replicas[expert];
        for (int more = most; more >= 0; more--) {
            replicas[expert] = had + more;
            replicate(at + 1, replicas, spare - more, before);
        }
        replicas[expert] = had;
    }

    private void pack(int[] replicas) {
        int n = 0;
        for (int expert : Indices.ascending(loads.length, e -> -loads[e] / replicas[e])) {
            for (int i = 0; i < replicas[expert]; i++) {
                items[n] = expert;
                units[n++] = loads[expert] / replicas[expert];
            }
        }
        Arrays.fill(sums, 0);
        Arrays.fill(filled, 0);
        place(0);
    }

    /** Places the items from the {@code at}-th; true when a better placement is found. */
    private boolean place(int at) {
        if (at == items.length) {
            least = Arrays.stream(sums).max().orElseThrow();
            found = Arrays.stream(packed).map(int[]::clone).toArray(int[][]::new);
            return true;
        }
        if (nodesLeft-- <= 0 || wastes(units[at], units[items.length - 1])) {
            return false;
        }
        int expert = items[at];
        double unit = units[at];
        int first = at > 0 && items[at - 1] == expert ? lastWith(expert) + 1 : 0;
        for (int rank = first; rank < ranks; rank++) {
            if (filled[rank] == slots[rank]
                    || sums[rank] + unit > least - tolerance
                    || (filled[rank] == 0 && emptyBefore(rank, first))) {
                continue;
            }
            packed[rank][filled[rank]++] = expert;
            double had = sums[rank];
            sums[rank] += unit;
            boolean done = place(at + 1);
            sums[rank] = had;
            filled[rank]--;
            if (done) {
                return true;
            }
        }
        return false;
    }

    private int lastWith(int expert) {
        for (int rank = ranks - 1; rank >= 0; rank--) {
            if (filled[rank] > 0 && packed[rank][filled[rank] - 1] == expert) {
                return rank;
            }
        }
        return -1;
    }

    private boolean emptyBefore(int rank, int first) {
        for (int before = first; before < rank; before++) {
            if (filled[before] == 0 && slots[before] == slots[rank]) {
                return true;
            }
        }
        return false;
    }

    /** Whether a rank must overflow, or ranks must stay so light that the others cannot take the rest. */
    private boolean wastes(double heaviestLeft, double lightestLeft) {
        double limit = least - tolerance;
        double spare = ranks * limit - total;
        for (int rank = 0; rank < ranks; rank++) {
            int room = slots[rank] - filled[rank];
            if (sums[rank] + room * lightestLeft > limit) {
                return true;
            }
            spare -= Math.max(0, limit - sums[rank] - room * heaviestLeft);
        }
        return spare < 0;
    }
}
