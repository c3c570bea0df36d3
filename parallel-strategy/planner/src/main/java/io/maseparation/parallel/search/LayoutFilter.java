package io.maseparation.parallel.search;

import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which layouts a search looks at.
 *
 * @param strategies the strategies of those layouts
 * @param combines what expert ranks send back in layouts that exchange rows with them
 * @param dispatches how rows may get to the ranks of their experts, where that makes a difference
 * @param layouts what else a layout must satisfy
 */
public record LayoutFilter(
        Set<Strategy> strategies, Set<CombineMode> combines, Set<Dispatch.Mode> dispatches, Predicate<Setup> layouts) {
    /** The sets are copied. */
    public LayoutFilter {
        strategies = Set.copyOf(strategies);
        combines = Collections.unmodifiableSet(EnumSet.copyOf(combines));
        dispatches = Collections.unmodifiableSet(EnumSet.copyOf(dispatches));
    }

    /** {@return all layouts in which expert ranks send back the output of each expert} */
    public static LayoutFilter usual() {
        return new LayoutFilter(EnumSet.allOf(Strategy.class), EnumSet.of(CombineMode.EXPERTS),
                EnumSet.allOf(Dispatch.Mode.class), setup -> true);
    }

    /**
     * {@return all layouts of some strategies}
     *
     * @param first a strategy
     * @param others further strategies
     */
    public static LayoutFilter of(Strategy first, Strategy... others) {
        return new LayoutFilter(EnumSet.of(first, others), usual().combines, usual().dispatches, setup -> true);
    }

    /**
     * {@return those of these layouts that also satisfy a condition}
     *
     * @param also the condition
     */
    public LayoutFilter where(Predicate<Setup> also) {
        return new LayoutFilter(strategies, combines, dispatches, layouts.and(also));
    }

    /**
     * {@return the same layouts with other ways to bring back what experts computed}
     *
     * @param modes the ways, at least one
     */
    public LayoutFilter with(Set<CombineMode> modes) {
        return new LayoutFilter(strategies, modes, dispatches, layouts);
    }

    /**
     * {@return the same layouts with other ways of rows to the ranks of their experts}
     *
     * @param modes the ways, at least one
     */
    public LayoutFilter withDispatches(Set<Dispatch.Mode> modes) {
        return new LayoutFilter(strategies, combines, modes, layouts);
    }

    boolean has(Setup setup) {
        return strategies.contains(setup.layout().strategy()) && layouts.test(setup);
    }
}
