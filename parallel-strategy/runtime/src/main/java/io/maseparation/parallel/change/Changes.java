package io.maseparation.parallel.change;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Target;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/**
 * Which changes of layout a run may go through.
 *
 * @param ordered changes to make whatever they cost, at most one per step
 * @param policy what decides on further ones
 * @param patience time, 0 or more, that setting up a layout may take; after that it is given up
 */
public record Changes(List<Ordered> ordered, Optional<LayoutPolicy> policy, Duration patience) {

    /** No change. */
    public static final Changes NONE = new Changes(List.of(), Optional.empty(), Duration.ofMinutes(1));

    /**
     * Sorts the changes by step.
     *
     * @throws PlanException if two are at one step, the policy's interval is below 1, or the patience is negative
     */
    public Changes {
        Objects.requireNonNull(ordered, "ordered");
        Objects.requireNonNull(policy, "policy");
        Objects.requireNonNull(patience, "patience");
        ordered = ordered.stream().sorted(Comparator.comparingInt(Ordered::step)).toList();
        for (int i = 1; i < ordered.size(); i++) {
            if (ordered.get(i).step() == ordered.get(i - 1).step()) {
                throw new PlanException("there are two changes of layout at step " + ordered.get(i).step());
            }
        }
        policy.ifPresent(p -> {
            if (p.interval() < 1) {
                throw new PlanException(
                        "the interval of a policy of layout changes must be at least 1 step, is " + p.interval());
            }
        });
        if (patience.isNegative()) {
            throw new PlanException("the patience with layout changes must be 0 or more, is " + patience);
        }
    }

    /**
     * {@return changes at given steps}
     *
     * @param ordered changes, each with its step
     * @throws PlanException if two are at one step
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
        /**
         * Checks the step.
         *
         * @throws PlanException if it is negative
         */
        public Ordered {
            Objects.requireNonNull(kind, "kind");
            Objects.requireNonNull(target, "target");
            if (step < 0) {
                throw new PlanException("a change of layout cannot be made at step " + step);
            }
        }
    }

    /** {@return whether there may be any} */
    public boolean mayChange() {
        return !ordered.isEmpty() || policy.isPresent();
    }
}
