package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import java.util.List;

/** Times a plan's programs on a cluster, event by event. */
public final class Simulator {
    private Simulator() {}

    /**
     * Simulates.
     *
     * @param timeline whether to keep what ran when
     * @throws PlanException if the plan names a device that the cluster lacks, a rank does not fit its device's memory (the
     *     message says which rank and by how much), or the batch and context make no sense
     */
    public static SimulationResult run(Plan plan, Cluster cluster, Scenario scenario, boolean timeline) {
        check(plan, cluster, scenario);
        MemoryFit memory = new MemoryFit(plan, cluster, scenario);
        memory.check();
        PerMicroBatch<List<Integer>> sequences = memory.sequences();
        ExpertMap map = new ExpertMap(plan);
        Batches decode =
                Batches.decode(sequences, scenario.context(), scenario.warmup() + scenario.steps());
        Run run = Run.of(plan, cluster, scenario, decode, map);
        double ttft = Double.NaN;
        if (scenario.prefillChunk() > 0) {
            Batches prefill = Batches.prefill(sequences, scenario.context(), scenario.prefillChunk());
            ttft = Run.of(plan, cluster, scenario, prefill, map).meanSampleSeconds(prefill) * 1e3;
        }
        return new Summary(plan, cluster, scenario, decode, memory, run).build(ttft, timeline);
    }

    private static void check(Plan plan, Cluster cluster, Scenario scenario) {
        for (int rank = 0; rank < plan.devices().size(); rank++) {
            if (plan.devices().get(rank) >= cluster.size()) {
                throw new PlanException("rank %d is on device %d, but cluster %s has %d devices"
                        .formatted(rank, plan.devices().get(rank), cluster.name(), cluster.size()));
            }
        }
        if (scenario.batch() < 1 || scenario.context() < 1) {
            throw new PlanException("--batch and --context must be at least 1, are %d and %d"
                    .formatted(scenario.batch(), scenario.context()));
        }
        if (scenario.context() > plan.config().maxPositions()) {
            throw new PlanException("--context %d is more than the %d positions of %s"
                    .formatted(
                            scenario.context(),
                            plan.config().maxPositions(),
                            plan.config().name()));
        }
    }
}
