package io.maseparation.parallel.change;

import io.maseparation.parallel.layout.Target;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Which changes of layout a run may go through.
 *
 * @param ordered changes to make whatever they cost, at most one per step
 * @param policy what decides on further ones
 * @param patience time that setting up a layout may take; after that it is given up
 */
public record Changes(List<Ordered> ordered, Optional<LayoutPolicy> policy, Duration patience) {

    /** No change. */
    public static final Changes NONE = new Changes(List.of(), Optional.empty(), Duration.ofMinutes(1));

    /** Sorts the changes by step. */
    public Changes {
        ordered = ordered.stream().sorted(Comparator.comparingInt(Ordered::step)).toList();
        for (int i = 1; i < ordered.size(); i++) {
            if (ordered.get(i).step() == ordered.get(i - 1).step()) {
                throw new IllegalArgumentException("there are two changes of layout at step " + ordered.get(i).step());
            }
        }
    }

    /**
     * {@return changes at given steps}
     *
     * @param ordered changes, each with its step
     */
    public static Changes at(Ordered... ordered) {
        return new Changes(List.of(ordered), NONE.policy, NONE.patience);
    }

    /** {@return whether the layout stays as it is} */
    public boolean isNone() {
        return ordered.isEmpty() && policy.isEmpty();
    }

    /**
     * A change to make.
     *
     * @param step decode steps before it
     * @param kind what moves
     * @param target the layout, once the state of the run is known
     */
    public record Ordered(int step, LayoutChange.Kind kind, Function<LayoutPolicy.LiveState, Target> target) {
        /** Checks the step. */
        public Ordered {
            if (step < 0) {
                throw new IllegalArgumentException("a change of layout cannot be made at step " + step);
            }
        }
    }
}
