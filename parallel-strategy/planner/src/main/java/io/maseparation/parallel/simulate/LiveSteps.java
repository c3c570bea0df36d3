package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import java.util.List;

/**
 * Decode steps of a run as it is, one time each. All micro-batches begin together, and the steps end when the last of them
 * has its tokens, as where a run is looked at.
 *
 * @param seconds time of each step: from when all sequences had their tokens before to when all have the next. Their sum
 *     is the time of all steps
 * @param imbalance rows of the busiest expert group over the mean, in the mean over layers, micro-batches and steps; NaN
 *     where no row visits an expert
 */
public record LiveSteps(double[] seconds, double imbalance) {

    /**
     * Simulates.
     *
     * @param scenario launches, formats, routing, seed and number of steps; its batch, context and warm-up are not looked at
     * @param sequences for each attention group and micro-batch the sequences
     * @param contexts positions that each sequence's next token attends to, in all steps alike
     * @throws PlanException if the plan names a device that the cluster lacks
     */
    public static LiveSteps run(
            Plan plan, Cluster cluster, Scenario scenario, PerMicroBatch<List<Integer>> sequences, int[] contexts) {
        LiveStep.checkDevices(plan, cluster);
        Batches batches = Batches.decode(sequences, contexts, scenario.steps());
        Run run = Run.of(plan, cluster, scenario, batches, new ExpertMap(plan));
        double[] seconds = new double[scenario.steps()];
        double before = 0;
        for (int step = 0; step < seconds.length; step++) {
            double last = before;
            for (double[][] group : run.sampled()) {
                for (double[] times : group) {
                    if (times[step] > last) {
                        last = times[step];
                    }
                }
            }
            seconds[step] = last - before;
            before = last;
        }
        return new LiveSteps(seconds, run.loads().meanImbalance());
    }

    /** Time of all steps, in seconds. */
    public double total() {
        double sum = 0;
        for (double step : seconds) {
            sum += step;
        }
        return sum;
    }
}
