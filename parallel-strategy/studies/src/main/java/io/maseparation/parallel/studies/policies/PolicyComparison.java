package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.layout.PlanException;
import java.util.ArrayList;
import java.util.List;

/**
 * Policies on the same trace: the same tokens go to the same experts under each.
 *
 * @param scenario the trace
 * @param results one per policy, the static layout first
 */
public record PolicyComparison(PolicyScenario scenario, List<PolicyResult> results) {
    /** A gap that is a smaller share of the static layout's TPOT does not count. */
    private static final double LEAST_GAP = 0.02;

    public PolicyComparison {
        results = List.copyOf(results);
    }

    /**
     * Runs all of them, in one thread.
     *
     * @param policies any but the static layout, which is always run
     * @param progress called after every block of steps
     * @throws PlanException if the layout does not fit the model or the devices' memory
     */
    public static PolicyComparison run(PolicyScenario scenario, List<BalancingPolicy> policies, Runnable progress) {
        scenario.checkMemory(scenario.start().plan());
        RatioBounds bounds = new RatioBounds(scenario);
        List<PolicyRun> runs = new ArrayList<>();
        runs.add(new PolicyRun(scenario, BalancingPolicy.STATIC, bounds));
        policies.stream()
                .filter(p -> p != BalancingPolicy.STATIC)
                .distinct()
                .sorted()
                .forEach(p -> runs.add(new PolicyRun(scenario, p, bounds)));
        long[][] counted = TraceBlock.nothing(scenario.config());
        int interval = scenario.rule().interval();
        for (int first = 0; first < scenario.steps(); first += interval) {
            TraceBlock block = TraceBlock.draw(
                    scenario, first, Math.min(interval, scenario.steps() - first), counted);
            runs.forEach(run -> run.run(block));
            progress.run();
        }
        return new PolicyComparison(scenario, runs.stream().map(PolicyRun::result).toList());
    }

    /** Number of blocks of steps, after each of which a run of a scenario reports progress. */
    public static int blocks(PolicyScenario scenario) {
        return Math.ceilDiv(scenario.steps(), scenario.rule().interval());
    }

    /** The result of leaving everything as it is. */
    public PolicyResult unchanged() {
        return results.getFirst();
    }

    /**
     * Share of the gap between the static layout and the bound of its ratio that a policy has closed: 1 at the bound,
     * below 0 where it is slower than the static layout, above 1 where another ratio takes it below that bound. NaN
     * where the gap is too small to count: the static layout is within 2 % of the bound.
     */
    public double gapRecovered(PolicyResult result) {
        double gap = unchanged().times().tpotMs() - unchanged().times().boundMs();
        return gap > LEAST_GAP * unchanged().times().tpotMs()
                ? (unchanged().times().tpotMs() - result.times().tpotMs()) / gap
                : Double.NaN;
    }

    /** TPOT of a policy over that of the static layout, less 1. */
    public double change(PolicyResult result) {
        return result.times().tpotMs() / unchanged().times().tpotMs() - 1;
    }
}
