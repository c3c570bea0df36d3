package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.layout.PlanException;
import java.util.ArrayList;
import java.util.List;

/** Bounds of a trace on the ratio that it begins with, and on the best of all ratios of the same devices. */
final class RatioBounds {
    private final TraceBound present;
    private final List<TraceBound> all = new ArrayList<>();

    RatioBounds(PolicyScenario scenario) {
        present = new TraceBound(scenario, scenario.start().plan());
        for (int attention = 1; attention < scenario.layout().ranks(); attention++) {
            try {
                all.add(new TraceBound(scenario, scenario.plan(attention)));
            } catch (PlanException e) {
                // More expert ranks than experts: no policy can get there either.
            }
        }
    }

    /**
     * Least time of some steps of a block.
     *
     * @param anyRatio whether the ratio may be another one than at the start
     */
    double seconds(TraceBlock block, int from, int steps, boolean anyRatio) {
        if (!anyRatio) {
            return present.seconds(block, from, steps);
        }
        return all.stream().mapToDouble(b -> b.seconds(block, from, steps)).min().orElseThrow();
    }
}
