package io.maseparation.parallel.search;

/**
 * What a search aims for.
 *
 * @param objective what is made as good as it can be
 * @param tpotLimitMs largest time between a sequence's tokens; infinite for no limit
 * @param anyBatch whether the batch is searched too, powers of two and half as much again, instead of the scenario's
 */
public record Goal(Objective objective, double tpotLimitMs, boolean anyBatch) {
    /** The least time between tokens, for the batch that is given. */
    public static final Goal LEAST_TPOT = of(Objective.TPOT);

    /** An objective without a limit, for the batch that is given. */
    public static Goal of(Objective objective) {
        return new Goal(objective, Double.POSITIVE_INFINITY, false);
    }
}
