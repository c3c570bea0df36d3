package io.maseparation.parallel.execute.rank;

import java.util.List;

/**
 * One step of the whole model, as data: who takes part, with how many tokens at which positions, in which group and
 * micro-batch, and whose logits are needed. Every rank runs its program on it, once for each micro-batch that has rows.
 *
 * @param number of the step since the start; every step has its own
 * @param work the micro-batches that have rows, ascending
 */
public record Step(int number, List<Work> work) {
    /** Copies the list. */
    public Step {
        work = List.copyOf(work);
    }

    /**
     * A micro-batch that has rows.
     *
     * @param microBatch index of the micro-batch
     * @param groups the rows of each group, of which some may have none
     */
    public record Work(int microBatch, List<Batch> groups) {
        /** Copies the list. */
        public Work {
            groups = List.copyOf(groups);
        }

        /** {@return whether any of its rows is a prompt token} */
        public boolean prefill() {
            for (Batch batch : groups) {
                if (batch.promptRows() > 0) {
                    return true;
                }
            }
            return false;
        }

        /** {@return rows over all groups: what expert ranks can receive} */
        public int rows() {
            return groups.stream().mapToInt(Batch::rows).sum();
        }
    }

    /** {@return whether any of its rows is a prompt token} */
    public boolean prefill() {
        for (Work microBatch : work) {
            if (microBatch.prefill()) {
                return true;
            }
        }
        return false;
    }
}
