package io.maseparation.parallel.change;

import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Target;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Decides whether a run should go on with another layout. Used by one thread at a time, beside the run. */
public interface LayoutPolicy {

    /** {@return decode steps between two looks, at least 1} */
    int interval();

    /**
     * {@return a layout that is worth the move, if there is one}
     *
     * @param state where the run is
     */
    Optional<Proposal> propose(LiveState state);

    /**
     * Learns what became of a proposal.
     *
     * @param change the proposal, and what became of it
     * @param state where the run is
     */
    void ended(LayoutChange change, LiveState state);

    /**
     * A layout to go on with.
     *
     * @param target the layout
     * @param kind what moves
     * @param gainMs predicted time that a step gains
     */
    record Proposal(Target target, LayoutChange.Kind kind, double gainMs) {
        /** Refuses what is missing. */
        public Proposal {
            Objects.requireNonNull(target, "target");
            Objects.requireNonNull(kind, "kind");
        }
    }

    /**
     * A run, or an engine, between two steps. To an engine a sequence's number is that of the slot that it runs in, and
     * any step is one of its steps, with prompts or without.
     *
     * @param plan present plan
     * @param owners for each sequence its attention group; −1 for one that has ended, or a slot without one
     * @param positions for each sequence the positions in its KV cache; 0 for one that has ended
     * @param decoded decode steps done
     * @param remaining decode steps that may follow; in an engine what the request has to go that has most
     * @param loads for each layer and routed expert the rows it had in all decode steps so far
     * @param stepMs mean time of the decode steps since the look before; NaN at the first
     */
    record LiveState(
            Plan plan,
            List<Integer> owners,
            int[] positions,
            int decoded,
            int remaining,
            long[][] loads,
            double stepMs) {}
}
