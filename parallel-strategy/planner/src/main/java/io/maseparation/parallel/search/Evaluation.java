package io.maseparation.parallel.search;

import io.maseparation.parallel.simulate.SimulationResult;

/**
 * A layout and what its simulation found.
 *
 * @param layout the layout
 * @param result what came out; the batch of its scenario may have been searched
 * @param score value of the objective; less is better
 */
public record Evaluation(PlacedLayout layout, SimulationResult result, double score) {
    /** The batch that was simulated. */
    public int batch() {
        return result.simulation().scenario().batch();
    }
}
