package io.maseparation.parallel.search;

import io.maseparation.parallel.simulate.SimulationResult;

/**
 * A layout and the result of its simulation.
 *
 * @param layout the layout
 * @param result the simulation's result; the search may have chosen the batch of its scenario
 * @param score value of the objective; less is better
 */
public record Evaluation(PlacedLayout layout, SimulationResult result, double score) {
    /**
     * {@return the same layout and score}
     *
     * @param other the same result with more in it
     */
    Evaluation with(SimulationResult other) {
        return new Evaluation(layout, other, score);
    }

    /** {@return the number of sequences that was simulated} */
    public int batch() {
        return result.simulation().scenario().batch();
    }
}
