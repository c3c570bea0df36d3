package io.maseparation.parallel.execute.rank;

import java.util.List;

/**
 * One step of the whole model.
 *
 * @param prefill whether its rows are prompt tokens
 * @param batches by group, then micro-batch
 */
public record Step(boolean prefill, List<List<Batch>> batches) {
    public Batch batch(int group, int microBatch) {
        return batches.get(group).get(microBatch);
    }

    /** Rows of a micro-batch over all groups: what expert ranks can receive. */
    public int rows(int microBatch) {
        return batches.stream().mapToInt(g -> g.get(microBatch).rows()).sum();
    }
}
