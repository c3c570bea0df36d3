package io.maseparation.parallel.execute.rank;

/**
 * The rows of one group and micro-batch in one step.
 *
 * @param firstRow index of the first row in the group's buffers
 * @param sequences sequence of each row
 * @param positions position of each row in its sequence
 * @param tokens token of each row, or -1 for the token sampled last
 * @param outputs indices into the arrays above of the rows that need logits, ascending
 */
public record Batch(int firstRow, int[] sequences, int[] positions, int[] tokens, int[] outputs) {
    /** {@return number of rows} */
    public int rows() {
        return sequences.length;
    }

    /** Whether any of the rows needs logits. */
    boolean hasOutputs() {
        return outputs.length > 0;
    }
}
