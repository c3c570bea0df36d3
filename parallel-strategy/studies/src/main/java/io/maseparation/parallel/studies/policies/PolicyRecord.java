package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.change.LayoutChange;
import io.maseparation.parallel.run.Percentiles;
import io.maseparation.parallel.simulate.LiveSteps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Collects the results of a policy's run, from the end of the warm-up on. */
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
        double[] ofSteps = times.seconds();
        int n = ofSteps.length;
        if (from < 0) {
            return;
        }
        System.arraycopy(ofSteps, 0, seconds, from, n);
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
        double[] stepsMs = Arrays.stream(seconds).map(s -> s * 1e3).toArray();
        double mean = Arrays.stream(seconds).average().orElse(Double.NaN);
        return new PolicyResult(
                policy,
                layout,
                new PolicyResult.Times(
                        mean * 1e3,
                        Percentiles.of(stepsMs, 50),
                        Percentiles.of(stepsMs, 99),
                        scenario.first().batch() / mean,
                        Arrays.stream(bounds).average().orElse(Double.NaN) * 1e3),
                imbalances / seconds.length,
                changes,
                copying * 1e3,
                pauses * 1e3,
                new PolicyResult.Trace(
                        stepsMs, Arrays.stream(bounds).map(s -> s * 1e3).toArray(), List.of(layouts)));
    }
}
