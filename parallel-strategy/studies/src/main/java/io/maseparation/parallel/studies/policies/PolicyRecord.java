package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.simulate.LiveSteps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Adds up what a policy's run came to, from the end of the warm-up on. */
final class PolicyRecord {
    private final PolicyScenario scenario;
    private final BalancingPolicy policy;
    private final double[] seconds;
    private final double[] bounds;
    private final String[] layouts;
    private final List<LayoutChange> changes = new ArrayList<>();
    private double imbalances;
    private double pauses;
    private double copying;

    PolicyRecord(PolicyScenario scenario, BalancingPolicy policy) {
        this.scenario = scenario;
        this.policy = policy;
        int measured = scenario.steps() - scenario.warmup();
        seconds = new double[measured];
        bounds = new double[measured];
        layouts = new String[measured];
    }

    /**
     * Some steps.
     *
     * @param pause seconds without a step before the first of them
     * @param copied whether something was copied beside them
     * @param bound least seconds of all of them
     */
    void steps(int first, LiveSteps times, double pause, boolean copied, String layout, double bound) {
        int from = first - scenario.warmup();
        int n = times.seconds().length;
        if (from < 0) {
            return;
        }
        System.arraycopy(times.seconds(), 0, seconds, from, n);
        Arrays.fill(bounds, from, from + n, bound / n);
        Arrays.fill(layouts, from, from + n, layout);
        seconds[from] += pause;
        pauses += pause;
        copying += copied ? times.total() : 0;
        imbalances += (Double.isNaN(times.imbalance()) ? 1 : times.imbalance()) * n;
    }

    void change(LayoutChange change) {
        changes.add(change);
    }

    PolicyResult result(String layout) {
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        double mean = Arrays.stream(seconds).average().orElse(Double.NaN);
        return new PolicyResult(
                policy,
                layout,
                mean * 1e3,
                percentile(sorted, 0.5) * 1e3,
                percentile(sorted, 0.99) * 1e3,
                scenario.conditions().batch() / mean,
                Arrays.stream(bounds).average().orElse(Double.NaN) * 1e3,
                imbalances / seconds.length,
                changes,
                changes.stream().mapToLong(c -> c.cost().bytesMoved()).sum(),
                copying * 1e3,
                pauses * 1e3,
                Arrays.stream(seconds).map(s -> s * 1e3).toArray(),
                Arrays.stream(bounds).map(s -> s * 1e3).toArray(),
                List.of(layouts));
    }

    /** The smallest value that so large a share of all are not above. */
    private static double percentile(double[] sorted, double share) {
        return sorted[Math.clamp((long) Math.ceil(share * sorted.length) - 1, 0, sorted.length - 1)];
    }
}
