package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which layouts a search looks at.
 *
 * @param strategies strategies
 * @param layouts what a layout must satisfy beside
 */
public record SearchSpace(Set<Strategy> strategies, Predicate<Setup> layouts) {
    public SearchSpace {
        strategies = Set.copyOf(strategies);
    }

    /** Everything. */
    public static SearchSpace all() {
        return new SearchSpace(EnumSet.allOf(Strategy.class), o -> true);
    }

    /** Some strategies. */
    public static SearchSpace of(Strategy first, Strategy... others) {
        return new SearchSpace(EnumSet.of(first, others), o -> true);
    }

    /** Those that also satisfy something. */
    public SearchSpace where(Predicate<Setup> also) {
        return new SearchSpace(strategies, layouts.and(also));
    }

    boolean has(Setup setup) {
        return strategies.contains(setup.layout().strategy()) && layouts.test(setup);
    }
}
