package io.maseparation.parallel.search;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.simulate.Scenario;

/**
 * What to search for.
 *
 * @param config model
 * @param cluster devices
 * @param scenario batch, context and how they are simulated
 * @param goal when one layout is better than another
 * @param space which layouts are looked at
 * @param threads number of simulations at the same time, at least 1; the result does not depend on it
 * @param progress called after every layout, from any thread
 */
public record SearchRequest(
        ModelConfig config,
        Cluster cluster,
        Scenario scenario,
        Goal goal,
        SearchSpace space,
        int threads,
        Progress progress) {
    /** Removes the variation of segments' times from the cluster, so that chance does not choose between layouts. */
    public SearchRequest {
        cluster = cluster.withoutVariation();
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
        return new SearchRequest(config, cluster, scenario, Goal.LEAST_TPOT, SearchSpace.all(),
                Runtime.getRuntime().availableProcessors(), (done, all) -> {});
    }

    /**
     * {@return the same search with another goal}
     *
     * @param other the goal
     */
    public SearchRequest with(Goal other) {
        return new SearchRequest(config, cluster, scenario, other, space, threads, progress);
    }

    /**
     * {@return the same search over other layouts}
     *
     * @param other the layouts
     */
    public SearchRequest with(SearchSpace other) {
        return new SearchRequest(config, cluster, scenario, goal, other, threads, progress);
    }

    /**
     * {@return the same search for another scenario}
     *
     * @param other the scenario
     */
    public SearchRequest with(Scenario other) {
        return new SearchRequest(config, cluster, other, goal, space, threads, progress);
    }

    /**
     * {@return the same search with another number of threads}
     *
     * @param n number of threads, at least 1
     */
    public SearchRequest withThreads(int n) {
        return new SearchRequest(config, cluster, scenario, goal, space, n, progress);
    }

    /**
     * {@return the same search with another listener}
     *
     * @param other called after every layout, from any thread
     */
    public SearchRequest withProgress(Progress other) {
        return new SearchRequest(config, cluster, scenario, goal, space, threads, other);
    }
}
