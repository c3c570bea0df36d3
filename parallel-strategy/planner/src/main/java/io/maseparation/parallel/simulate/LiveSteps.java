package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Shares;

/**
 * Decode steps of a run in its present state: sequences stay where they are, each with its own context. All
 * micro-batches begin together, and a step ends when the last of them has its tokens, as when a policy looks at a run.
 *
 * @param ends [steps]: when all sequences have the tokens of a step, in seconds
 * @param imbalance rows of the busiest expert group ÷ mean, averaged over layers, micro-batches and steps; NaN if no
 *     row visits an expert
 */
public record LiveSteps(double[] ends, double imbalance) {

    /**
     * Simulates decode steps.
     *
     * @param simulation layout and cluster; its scenario's batch and context are ignored
     * @param shares where the sequences are
     * @param contexts [sequences]: positions that a sequence's next token attends to, the same in all steps
     * @return when the steps end
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
            ends[step] = last + (step + 1) * run.engineSeconds();
        }
        return new LiveSteps(ends, run.loads().meanImbalance());
    }

    /** {@return [steps]: time of each step in seconds, from the end of the step before to its own end} */
    public double[] seconds() {
        double[] seconds = ends.clone();
        for (int step = 1; step < seconds.length; step++) {
            seconds[step] -= ends[step - 1];
        }
        return seconds;
    }

    /** {@return time of all steps in seconds} */
    public double total() {
        double sum = 0;
        for (double step : seconds()) {
            sum += step;
        }
        return sum;
    }

    /**
     * {@return mean time of the steps after the warm-up, in milliseconds}
     *
     * @param warmup number of steps of the warm-up, fewer than all steps
     */
    public double meanMs(int warmup) {
        double start = warmup == 0 ? 0 : ends[warmup - 1];
        return (ends[ends.length - 1] - start) / (ends.length - warmup) * 1e3;
    }
}
