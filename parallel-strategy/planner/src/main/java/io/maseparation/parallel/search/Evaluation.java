package io.maseparation.parallel.search;

import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SimulationResult;

/**
 * A candidate and what its simulation found.
 *
 * @param candidate the layout
 * @param scenario what was simulated; its batch may have been searched
 * @param result what came out
 * @param score value of the objective; less is better
 */
public record Evaluation(Candidate candidate, Scenario scenario, SimulationResult result, double score) {}
