package io.maseparation.moe.segments;

import java.util.List;

/**
 * The rows that a segment works on in one step.
 *
 * @param prefill whether prompt tokens are taken in
 * @param pieces rows that are alike, or belong together
 * @param outputs rows that need logits
 * @param experts what the rank's experts have to do, where the segment has experts
 */
public record StepShape(boolean prefill, List<Piece> pieces, int outputs, ExpertLoad experts) {

    /**
     * Decode: one row of each of {@code rows} sequences, which sees {@code context} positions. Prefill: rows at
     * consecutive positions of one sequence, the last of which sees {@code context}.
     *
     * @param rows number of rows
     * @param context positions seen, the row's own included
     */
    public record Piece(int rows, int context) {}

    /**
     * Work of a rank's experts.
     *
     * @param rows rows that reached the rank
     * @param pairs rows times routed experts they visit here
     * @param active routed experts here that any row visits
     * @param extraRows rows that visit the shared expert, or the feed-forward of a dense layer, here
     */
    public record ExpertLoad(int rows, int pairs, int active, int extraRows) {
        /** Nothing to do. */
        public static final ExpertLoad NONE = new ExpertLoad(0, 0, 0, 0);
    }

    public StepShape {
        pieces = List.copyOf(pieces);
    }

    /** A decode step of some sequences of the same context. */
    public static StepShape decode(int rows, int context) {
        return new StepShape(false, List.of(new Piece(rows, context)), rows, ExpertLoad.NONE);
    }

    /** The same with work for experts. */
    public StepShape withExperts(ExpertLoad load) {
        return new StepShape(prefill, pieces, outputs, load);
    }

    /** Number of rows. */
    public int rows() {
        int rows = 0;
        for (Piece piece : pieces) {
            rows += piece.rows();
        }
        return rows;
    }
}
