package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import java.util.List;

/** Times decode steps of a run as it is: sequences where they are, each with its own context. */
public final class LiveStep {
    private LiveStep() {}

    /**
     * Mean time of a decode step, simulated.
     *
     * @param sequences for each attention group and micro-batch the sequences
     * @param contexts positions of each sequence
     * @param scenario launches, formats, routing and number of steps; its batch and context are not looked at
     * @return milliseconds
     * @throws PlanException if the plan names a device that the cluster lacks
     */
    public static double ms(
            Plan plan, Cluster cluster, Scenario scenario, PerMicroBatch<List<Integer>> sequences, int[] contexts) {
        checkDevices(plan, cluster);
        Batches batches = Batches.decode(sequences, contexts, scenario.warmup() + scenario.steps());
        Run run = Run.of(plan, cluster, scenario, batches, new ExpertMap(plan));
        double start = 0;
        double end = 0;
        for (double[][] group : run.sampled()) {
            for (double[] times : group) {
                if (!Double.isNaN(times[0])) {
                    start = Math.max(start, times[scenario.warmup() - 1]);
                    end = Math.max(end, times[times.length - 1]);
                }
            }
        }
        return (end - start) / scenario.steps() * 1e3;
    }

    static void checkDevices(Plan plan, Cluster cluster) {
        for (int device : plan.devices()) {
            if (device >= cluster.size()) {
                throw new PlanException("the layout uses device %d, but cluster %s has %d devices"
                        .formatted(device, cluster.name(), cluster.size()));
            }
        }
    }
}
