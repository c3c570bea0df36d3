package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Shares;

/**
 * Decode steps of a run as it is: sequences where they are, each with its own context. All micro-batches begin
 * together, and the steps end when the last of them has its tokens, as where a run is looked at.
 *
 * @param ends when all sequences have the tokens of each step, in seconds
 * @param imbalance rows of the busiest expert group over the mean, in the mean over layers, micro-batches and steps;
 *     NaN where no row visits an expert
 */
public record LiveSteps(double[] ends, double imbalance) {

    /**
     * Simulates.
     *
     * @param simulation layout and cluster; of its scenario launches, formats, routing, seed and the numbers of steps
     *     count, not batch and context
     * @param shares where the sequences are
     * @param contexts positions that each sequence's next token attends to, in all steps alike
     * @throws PlanException if the plan names a device that the cluster lacks
     */
    public static LiveSteps run(Simulation simulation, Shares shares, int[] contexts) {
        simulation.checkDevices();
        Scenario scenario = simulation.scenario();
        EngineRun run = EngineRun.of(
                simulation,
                Batches.decode(shares, contexts, scenario.warmup() + scenario.steps()),
                new MemoryFit(simulation, shares));
        double[] ends = new double[scenario.warmup() + scenario.steps()];
        double last = 0;
        for (int step = 0; step < ends.length; step++) {
            last = Math.max(last, run.tokens().last(step));
            ends[step] = last;
        }
        return new LiveSteps(ends, run.loads().meanImbalance());
    }

    /** Time of each step, in seconds: from when all sequences had their tokens before to when all have the next. */
    public double[] seconds() {
        double[] seconds = ends.clone();
        for (int step = 1; step < seconds.length; step++) {
            seconds[step] -= ends[step - 1];
        }
        return seconds;
    }

    /** Time of all steps, in seconds. */
    public double total() {
        double sum = 0;
        for (double step : seconds()) {
            sum += step;
        }
        return sum;
    }

    /** Mean time of the steps after some of warm-up, in milliseconds. */
    public double meanMs(int warmup) {
        double start = warmup == 0 ? 0 : ends[warmup - 1];
        return (ends[ends.length - 1] - start) / (ends.length - warmup) * 1e3;
    }
}
