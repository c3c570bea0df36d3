package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.simulate.Scenario;
import java.util.stream.IntStream;

/**
 * What to search for.
 *
 * @param config model
 * @param cluster devices
 * @param scenario batch, context and how they are simulated
 * @param goal when one layout is better than another
 * @param filter which layouts are looked at
 * @param threads number of simulations at the same time, at least 1; the result does not depend on it
 * @param progress called after every layout, from any thread
 * @param deadline when the search has to end with the best so far
 */
public record SearchRequest(
        ModelConfig config,
        Cluster cluster,
        Scenario scenario,
        Goal goal,
        LayoutFilter filter,
        int threads,
        Progress progress,
        Deadline deadline) {
    /**
     * Removes the variation of segments' times from the cluster, so that chance does not choose between layouts.
     *
     * @throws PlanException if the goal is the least price and a device has none
     */
    public SearchRequest {
        cluster = cluster.withoutVariation();
        if (goal.objective() == Objective.COST
                && IntStream.range(0, cluster.size()).mapToObj(cluster::kindOf)
                        .anyMatch(kind -> Double.isNaN(kind.pricePerHour()))) {
            throw new PlanException(
                    "'objective' cost needs prices, which cluster %s does not have for every kind of device"
                            .formatted(cluster.name()));
        }
    }

    /** Is called as a search makes progress. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Reports how far the search is.
         *
         * @param done steps of the search that are done
         * @param all number of all steps
         */
        void at(long done, long all);
    }

    /**
     * {@return a search for the least time between tokens over all layouts, on all processors}
     *
     * @param config model
     * @param cluster devices
     * @param scenario batch, context and how they are simulated
     */
    public static SearchRequest of(ModelConfig config, Cluster cluster, Scenario scenario) {
        return new SearchRequest(config, cluster, scenario, Goal.LEAST_TPOT, LayoutFilter.usual(),
                Runtime.getRuntime().availableProcessors(), (done, all) -> {}, Deadline.NEVER);
    }

    /**
     * {@return the same search with another goal}
     *
     * @param other the goal
     */
    public SearchRequest with(Goal other) {
        return new SearchRequest(config, cluster, scenario, other, filter, threads, progress, deadline);
    }

    /**
     * {@return the same search over other layouts}
     *
     * @param other the layouts
     */
    public SearchRequest with(LayoutFilter other) {
        return new SearchRequest(config, cluster, scenario, goal, other, threads, progress, deadline);
    }

    /**
     * {@return the same search for another scenario}
     *
     * @param other the scenario
     */
    public SearchRequest with(Scenario other) {
        return new SearchRequest(config, cluster, other, goal, filter, threads, progress, deadline);
    }

    /**
     * {@return the same search with another number of threads}
     *
     * @param n number of threads, at least 1
     */
    public SearchRequest withThreads(int n) {
        return new SearchRequest(config, cluster, scenario, goal, filter, n, progress, deadline);
    }

    /**
     * {@return the same search with another listener}
     *
     * @param other called after every layout, from any thread
     */
    public SearchRequest withProgress(Progress other) {
        return new SearchRequest(config, cluster, scenario, goal, filter, threads, other, deadline);
    }

    /**
     * {@return the same search with a time to end} With a deadline the result depends on the speed of the machine.
     *
     * @param other when it ends with the best so far
     */
    public SearchRequest withDeadline(Deadline other) {
        return new SearchRequest(config, cluster, scenario, goal, filter, threads, progress, other);
    }
}
