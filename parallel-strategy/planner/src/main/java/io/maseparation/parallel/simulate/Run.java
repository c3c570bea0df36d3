package io.maseparation.parallel.simulate;

import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Plan;
import java.util.Arrays;

/**
 * One run of the engine.
 *
 * @param engine the engine, for what each rank sent
 * @param log what happened
 * @param loads which rows went to which experts
 * @param sampled for each group and micro-batch the time of each step's tokens, in seconds; NaN where it has no rows
 * @param entries the entries that led to those
 */
record Run(Engine engine, Log log, ExpertLoads loads, double[][][] sampled, int[][][] entries) {

    static Run of(Plan plan, Cluster cluster, Scenario scenario, Batches batches, ExpertMap map) {
        Network network = new Network(cluster, scenario.collectives());
        ExpertLoads loads = new ExpertLoads(
                plan, map, scenario, batches, cluster.kindOf(plan.devices().getLast()).expertOperationsPerByte());
        Costs costs = new Costs(plan, cluster, scenario, batches, map, loads, network);
        double[][][] sampled = new double[batches.groups()][batches.microBatches()][batches.steps()];
        int[][][] entries = new int[batches.groups()][batches.microBatches()][batches.steps()];
        for (double[][] group : sampled) {
            for (double[] batch : group) {
                Arrays.fill(batch, Double.NaN);
            }
        }
        Engine engine = new Engine(
                new Programs(plan),
                costs,
                network,
                batches.microBatches(),
                batches.steps(),
                plan.inOrder(),
                cluster,
                (rank, microBatch, step, time, entry) -> {
                    int group = plan.ranks().get(rank).group();
                    if (batches.of(group, microBatch, step).shape().outputs() > 0) {
                        sampled[group][microBatch][step] = time;
                        entries[group][microBatch][step] = entry;
                    }
                });
        return new Run(engine, engine.run(), loads, sampled, entries);
    }

    /** Mean time of a sequence's first token, where the steps were a prefill. */
    double meanSampleSeconds(Batches batches) {
        double sum = 0;
        long sequences = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                for (int step = 0; step < batches.steps(); step++) {
                    int outputs = batches.of(group, m, step).shape().outputs();
                    if (outputs > 0) {
                        sum += outputs * sampled[group][m][step];
                        sequences += outputs;
                    }
                }
            }
        }
        return sequences == 0 ? Double.NaN : sum / sequences;
    }
}
