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
 * @param goal what makes one layout better than another
 * @param space which layouts
 * @param threads simulations at a time; the result does not depend on it
 * @param progress told of every layout that is done with, from any thread
 */
public record SearchRequest(
        ModelConfig config,
        Cluster cluster,
        Scenario scenario,
        Goal goal,
        SearchSpace space,
        int threads,
        Progress progress) {
    /** Compares layouts by mean times: chance must not choose between them. */
    public SearchRequest {
        cluster = cluster.withoutVariation();
    }

    /** Told how far a search is. */
    @FunctionalInterface
    public interface Progress {
        /** Some layouts are done with. */
        void at(long done, long all);
    }

    /** The least time between tokens over all layouts, on all processors. */
    public static SearchRequest of(ModelConfig config, Cluster cluster, Scenario scenario) {
        return new SearchRequest(config, cluster, scenario, Goal.LEAST_TPOT, SearchSpace.all(),
                Runtime.getRuntime().availableProcessors(), (done, all) -> {});
    }

    /** The same with another goal. */
    public SearchRequest with(Goal other) {
        return new SearchRequest(config, cluster, scenario, other, space, threads, progress);
    }

    /** The same over other layouts. */
    public SearchRequest with(SearchSpace other) {
        return new SearchRequest(config, cluster, scenario, goal, other, threads, progress);
    }

    /** The same for another scenario. */
    public SearchRequest with(Scenario other) {
        return new SearchRequest(config, cluster, other, goal, space, threads, progress);
    }

    /** The same with another number of threads. */
    public SearchRequest withThreads(int n) {
        return new SearchRequest(config, cluster, scenario, goal, space, n, progress);
    }

    /** The same with another listener. */
    public SearchRequest withProgress(Progress other) {
        return new SearchRequest(config, cluster, scenario, goal, space, threads, other);
    }
}
