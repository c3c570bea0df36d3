package io.maseparation.parallel.studies.policies;

import io.maseparation.parallel.change.LayoutChange;
import java.util.List;

/**
 * What a policy came to on a trace, from the end of the warm-up on. Simulated.
 *
 * @param policy the policy
 * @param layout ratio that it ended with
 * @param tpotMs mean time of a step, pauses and steps beside copying included
 * @param tpotP50Ms median of the same
 * @param tpotP99Ms 99th percentile of the same
 * @param tps output tokens a second over the batch
 * @param boundMs least mean time of a step that this policy could have come to, whatever it placed where
 * @param imbalance rows of the busiest expert rank over the mean, in the mean over layers, micro-batches and steps
 * @param changes changes of layout, made and refused
 * @param bytesMoved bytes of weights, and of keys and values, that went to other devices
 * @param copyingMs time in which steps ran beside copying
 * @param pausedMs time in which no step ran
 * @param stepsMs time of each step
 * @param boundsMs least time of each step, in the mean over those between two looks
 * @param layouts ratio of each step
 */
public record PolicyResult(
        BalancingPolicy policy,
        String layout,
        double tpotMs,
        double tpotP50Ms,
        double tpotP99Ms,
        double tps,
        double boundMs,
        double imbalance,
        List<LayoutChange> changes,
        long bytesMoved,
        double copyingMs,
        double pausedMs,
        double[] stepsMs,
        double[] boundsMs,
        List<String> layouts) {

    public PolicyResult {
        changes = List.copyOf(changes);
        layouts = List.copyOf(layouts);
    }

    /** Changes that were made. */
    public int made() {
        return (int) changes.stream().filter(LayoutChange::made).count();
    }
}
