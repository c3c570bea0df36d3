package io.maseparation.parallel.balance;

import io.maseparation.parallel.balance.FlatBalancer.Part;
import java.util.Arrays;

/**
 * Decides which rank holds which experts, so that the largest load of a rank is as small as can be found: from the
 * greedy placement by local search, and on small cases by branch and bound. The same problem always has the same
 * answer.
 */
public final class ExpertBalancer {
    private ExpertBalancer() {}

    /**
     * {@return the best placement that a search of about a second per node finds, with a lower bound}
     *
     * @param problem loads, slots and nodes
     */
    public static BalanceResult balance(BalanceProblem problem) {
        Part part = problem.nodes() == 1 ? FlatBalancer.thorough(problem) : NodeBalancer.thorough(problem);
        ExpertPlacement placement = new ExpertPlacement(problem.experts(), part.experts());
        ExpertPlacement greedy = GreedyBalancer.balance(problem);
        double[] loads = problem.loads();
        double heaviest = Arrays.stream(placement.rankLoads(loads)).max().orElseThrow();
        double bound = part.optimal() ? heaviest : part.bound();
        double mean = problem.meanLoad();
        return new BalanceResult(
                placement,
                heaviest,
                bound,
                part.optimal(),
                mean == 0 ? 1 : heaviest / mean,
                mean == 0 ? 1 : bound / mean,
                greedy,
                greedy.imbalance(loads));
    }

    /**
     * {@return a placement fast enough to use while serving, found within a millisecond for 256 experts on 64 ranks:
     * the greedy one, repaired where a rank holds an expert twice, and some steps of local search}
     *
     * @param problem loads, slots and nodes
     */
    public static ExpertPlacement quick(BalanceProblem problem) {
        return new ExpertPlacement(
                problem.experts(),
                problem.nodes() == 1 ? FlatBalancer.quick(problem) : NodeBalancer.quick(problem));
    }
}
