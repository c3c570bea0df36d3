package io.maseparation.parallel.execute.migrate;

import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.Target;
import java.util.List;

/** The sequences that go from layout to layout. */
public interface LiveSequences {
    /**
     * Where they are.
     *
     * @param owners for each sequence its attention group; −1 for one that has ended
     * @param positions for each sequence the positions in its KV cache; 0 for one that has ended
     * @param remaining steps that may follow
     */
    record Where(List<Integer> owners, int[] positions, int remaining) {}

    /**
     * {@return where they are now} No step is under way.
     *
     * @param now the deployment that they are on
     * @param steps steps done
     */
    Where where(Deployment now, int steps);

    /**
     * {@return the way to another layout, as far as it can be gone beside the steps} For a thread beside that of the
     * steps.
     *
     * @param now the deployment that they are on
     * @param state where they were when this was ordered
     * @param target the layout
     * @throws io.maseparation.parallel.layout.PlanException if they cannot go on with it
     */
    Migration prepare(Deployment now, LiveState state, Target target);
}
