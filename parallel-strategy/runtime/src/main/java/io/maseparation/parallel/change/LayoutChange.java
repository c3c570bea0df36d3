package io.maseparation.parallel.change;

/**
 * A change of layout in the middle of a run, made or not.
 *
 * @param step decode steps done before it, counted from the end of the prefill
 * @param kind what moves
 * @param from the layout before
 * @param to the layout after
 * @param predictedGainMs time that a step was predicted to gain; NaN where the change was ordered
 * @param cost what it took; for a change that was not made, up to where it ended
 * @param made whether the run went on with the new layout
 * @param outcome "switched", or why not
 */
public record LayoutChange(
        int step,
        Kind kind,
        String from,
        String to,
        double predictedGainMs,
        Cost cost,
        boolean made,
        String outcome) {

    /** Outcome of a change that was made. */
    public static final String SWITCHED = "switched";

    /**
     * What a change takes.
     *
     * @param bytesMoved weights that ranks did not have before, and keys and values that went to another rank
     * @param preparedMs time that setting up took beside the steps
     * @param pausedMs time that no step could run
     */
    public record Cost(long bytesMoved, double preparedMs, double pausedMs) {
        /** Of a change that nothing was done for. */
        public static final Cost NONE = new Cost(0, 0, 0);
    }

    /** What a change moves. */
    public enum Kind {
        /** Experts, between expert ranks. */
        EXPERTS,
        /** Sequences, between attention ranks. */
        SEQUENCES,
        /** Devices, from attention to experts or back, and with them experts and sequences. */
        RATIO
    }

    /** What happened, in one line. */
    @Override
    public String toString() {
        return to.isEmpty()
                ? "step %d: %s".formatted(step, outcome)
                : "step %d: %s from %s to %s: %s"
                        .formatted(step, kind.name().toLowerCase(java.util.Locale.ROOT), from, to, outcome);
    }
}
