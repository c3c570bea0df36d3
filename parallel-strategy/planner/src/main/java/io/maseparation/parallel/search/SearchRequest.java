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
 * @param objective what is made as good as it can be
 * @param tpotLimitMs largest time between a sequence's tokens; infinite for no limit
 * @param anyBatch whether the batch is searched too, powers of two and half as much again, instead of the scenario's
 * @param space which layouts
 * @param threads simulations at a time; the result does not depend on it
 * @param progress told of every candidate that is done with, from any thread
 */
public record SearchRequest(
        ModelConfig config,
        Cluster cluster,
        Scenario scenario,
        Objective objective,
        double tpotLimitMs,
        boolean anyBatch,
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
        /** Some candidates are done with. */
        void at(long done, long all);
    }

    /** The least time between tokens over all layouts, on all processors. */
    public static SearchRequest of(ModelConfig config, Cluster cluster, Scenario scenario) {
        return new SearchRequest(config, cluster, scenario, Objective.TPOT, Double.POSITIVE_INFINITY, false,
                SearchSpace.all(), Runtime.getRuntime().availableProcessors(), (done, all) -> {});
    }

    /** The same with another objective. */
    public SearchRequest withObjective(Objective other) {
        return new SearchRequest(
                config, cluster, scenario, other, tpotLimitMs, anyBatch, space, threads, progress);
    }

    /** The same with a limit. */
    public SearchRequest withTpotLimitMs(double limit) {
        return new SearchRequest(config, cluster, scenario, objective, limit, anyBatch, space, threads, progress);
    }

    /** The same with any batch. */
    public SearchRequest withAnyBatch(boolean any) {
        return new SearchRequest(config, cluster, scenario, objective, tpotLimitMs, any, space, threads, progress);
    }

    /** The same over other layouts. */
    public SearchRequest withSpace(SearchSpace other) {
        return new SearchRequest(
                config, cluster, scenario, objective, tpotLimitMs, anyBatch, other, threads, progress);
    }

    /** The same with another number of threads. */
    public SearchRequest withThreads(int n) {
        return new SearchRequest(config, cluster, scenario, objective, tpotLimitMs, anyBatch, space, n, progress);
    }

    /** The same with another listener. */
    public SearchRequest withProgress(Progress other) {
        return new SearchRequest(
                config, cluster, scenario, objective, tpotLimitMs, anyBatch, space, threads, other);
    }

    /** The same for another scenario. */
    public SearchRequest withScenario(Scenario other) {
        return new SearchRequest(
                config, cluster, other, objective, tpotLimitMs, anyBatch, space, threads, progress);
    }
}
