package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.layout.PerMicroBatch;

/**
 * One step of the whole model.
 *
 * @param prefill whether its rows are prompt tokens
 * @param batches of each group and micro-batch
 */
public record Step(boolean prefill, PerMicroBatch<Batch> batches) {
    /**
     * {@return the rows of a group and micro-batch}
     *
     * @param group index of the group
     * @param microBatch index of the micro-batch
     */
    public Batch batch(int group, int microBatch) {
        return batches.get(group, microBatch);
    }

    /**
     * {@return rows of a micro-batch over all groups: what expert ranks can receive}
     *
     * @param microBatch index of the micro-batch
     */
    public int rows(int microBatch) {
        return batches.groups().stream().mapToInt(g -> g.get(microBatch).rows()).sum();
    }
}
