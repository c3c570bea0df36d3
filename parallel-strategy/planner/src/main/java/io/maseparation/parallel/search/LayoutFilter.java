package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which layouts a search looks at.
 *
 * @param strategies the strategies of those layouts
 * @param layouts what else a layout must satisfy
 */
public record LayoutFilter(Set<Strategy> strategies, Predicate<Setup> layouts) {
    /** Copies the set. */
    public LayoutFilter {
        strategies = Set.copyOf(strategies);
    }

    /** {@return all layouts} */
    public static LayoutFilter all() {
        return new LayoutFilter(EnumSet.allOf(Strategy.class), o -> true);
    }

    /**
     * {@return all layouts of some strategies}
     *
     * @param first a strategy
     * @param others further strategies
     */
    public static LayoutFilter of(Strategy first, Strategy... others) {
        return new LayoutFilter(EnumSet.of(first, others), o -> true);
    }

    /**
     * {@return those of these layouts that also satisfy a condition}
     *
     * @param also the condition
     */
    public LayoutFilter where(Predicate<Setup> also) {
        return new LayoutFilter(strategies, layouts.and(also));
    }

    boolean has(Setup setup) {
        return strategies.contains(setup.layout().strategy()) && layouts.test(setup);
    }
}
