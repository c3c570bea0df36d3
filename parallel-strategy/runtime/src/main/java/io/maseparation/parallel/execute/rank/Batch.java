package io.maseparation.parallel.execute.rank;

/**
 * The rows of one group and micro-batch in one step: those of prompts first, then one for each sequence that decodes.
 *
 * @param firstRow index of the first row in the group's buffers
 * @param promptRows number of rows that are prompt tokens
 * @param sequences slot of each row's sequence, as {@link Slots} has it
 * @param positions position of each row in its sequence
 * @param tokens token of each row, or -1 for the one that the sequence's row before it was sampled to
 * @param outputs indices into the arrays above of the rows that need logits, ascending
 */
public record Batch(
        int firstRow, int promptRows, int[] sequences, int[] positions, int[] tokens, int[] outputs) {
    private static final int[] NONE = {};

    /**
     * {@return a batch without rows}
     *
     * @param firstRow index where its first row would be
     */
    public static Batch empty(int firstRow) {
        return new Batch(firstRow, 0, NONE, NONE, NONE, NONE);
    }

    /** {@return number of rows} */
    public int rows() {
        return sequences.length;
    }

    /** Whether any of the rows needs logits. */
    boolean hasOutputs() {
        return outputs.length > 0;
    }
}
