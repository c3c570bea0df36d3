package io.maseparation.parallel.search;

import io.maseparation.parallel.simulate.Simulation;

/**
 * What a search aims for.
 *
 * @param objective what is optimized
 * @param tpotLimitMs largest time between a sequence's tokens in milliseconds; infinite for no limit
 * @param anyBatch whether the batch is searched too: the largest that the limit and the memory allow; otherwise it
 *     is the scenario's
 */
public record Goal(Objective objective, double tpotLimitMs, boolean anyBatch) {
    /** The least time between tokens, for the batch that is given. */
    public static final Goal LEAST_TPOT = of(Objective.TPOT);

    /**
     * {@return an objective without a limit, for the batch that is given}
     *
     * @param objective what is optimized
     */
    public static Goal of(Objective objective) {
        return new Goal(objective, Double.POSITIVE_INFINITY, false);
    }

    /** The score of a time between tokens; infinite beyond the limit. */
    double score(Simulation simulation, double tpotMs) {
        return tpotMs > tpotLimitMs
                ? Double.POSITIVE_INFINITY
                : objective.score(tpotMs, simulation.scenario().batch(), simulation.pricePerHour());
    }
}
