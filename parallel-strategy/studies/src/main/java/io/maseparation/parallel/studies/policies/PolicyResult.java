package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.change.LayoutChange;
import java.util.List;

/**
 * The result of a policy on a trace, from the end of the warm-up on. Simulated.
 *
 * @param policy the policy
 * @param layout ratio that it ended with
 * @param times times of steps, pauses and steps beside copying included
 * @param imbalance rows of the busiest expert rank over the mean, averaged over layers, micro-batches and steps
 * @param changes changes of layout, made and refused
 * @param copyingMs time in which steps ran beside copying
 * @param pausedMs time in which no step ran
 * @param trace every step
 */
public record PolicyResult(
        BalancingPolicy policy,
        String layout,
        Times times,
        double imbalance,
        List<LayoutChange> changes,
        double copyingMs,
        double pausedMs,
        Trace trace) {

    /**
     * Times of steps.
     *
     * @param tpotMs mean time of a step
     * @param tpotP50Ms median
     * @param tpotP99Ms 99th percentile
     * @param tps output tokens per second over the batch
     * @param boundMs lower bound of the mean time of a step under this policy, whatever it places where
     */
    public record Times(double tpotMs, double tpotP50Ms, double tpotP99Ms, double tps, double boundMs) {}

    /**
     * Every step.
     *
     * @param stepsMs time of each step
     * @param boundsMs lower bound of the time of each step, averaged over the steps between two looks
     * @param layouts ratio of each step
     */
    public record Trace(double[] stepsMs, double[] boundsMs, List<String> layouts) {
        public Trace {
            layouts = List.copyOf(layouts);
        }
    }

    public PolicyResult {
        changes = List.copyOf(changes);
    }

    /** Changes that were made. */
    public int made() {
        return (int) changes.stream().filter(LayoutChange::made).count();
    }

    /** Bytes of weights, and of keys and values, that went to other devices. */
    public long bytesMoved() {
        return changes.stream().mapToLong(c -> c.cost().bytesMoved()).sum();
    }
}
