package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;
import java.util.Map;

/**
 * What a simulation found. Times are in milliseconds, and simulated.
 *
 * @param plan what was simulated
 * @param tpotMs mean time between a sequence's output tokens
 * @param tpotP50Ms median of those times
 * @param tpotP90Ms 90th percentile
 * @param tpotP99Ms 99th percentile
 * @param tps output tokens a second over the batch
 * @param ttftMs time from the start of the prefill to a sequence's first token, mean; NaN without a prefill
 * @param boundMs largest, over ranks, of that rank's bytes or floating-point operations a step at peak
 * @param clusterBoundMs least time of a step on all devices together, whatever the layout: unique bytes over the sum of
 *     bandwidths, or operations over the sum of rates
 * @param busyAttention mean busy share of ranks with attention
 * @param busyExpert mean busy share of ranks with experts
 * @param mbu bytes that a step must move at least over time and bandwidth of all devices
 * @param mfu floating-point operations of a step over time and rate of all devices
 * @param memoryEfficiency (unique weights + live KV) ÷ what all ranks hold of both
 * @param imbalance rows of the busiest expert rank ÷ mean
 * @param pricePerMillionTokens price of a million output tokens; NaN where prices are unknown
 * @param criticalPath share of the critical path by {@link Regime}; sums to 1
 * @param ranks one entry a rank
 * @param timeline what ran when in the measured steps, if it was asked for; otherwise empty
 */
public record SimulationResult(
        Plan plan,
        double tpotMs,
        double tpotP50Ms,
        double tpotP90Ms,
        double tpotP99Ms,
        double tps,
        double ttftMs,
        double boundMs,
        double clusterBoundMs,
        double busyAttention,
        double busyExpert,
        double mbu,
        double mfu,
        double memoryEfficiency,
        double imbalance,
        double pricePerMillionTokens,
        Map<Regime, Double> criticalPath,
        List<Rank> ranks,
        List<TimelineEvent> timeline) {

    /** What the time of a step goes into. */
    public enum Regime {
        /** Attention, norms, routers, embedding and logits. */
        ATTENTION,
        /** Experts. */
        EXPERT,
        /** Transfers and collectives. */
        TRANSFER,
        /** Starting operations. */
        LAUNCH
    }

    /**
     * One rank.
     *
     * @param rank index
     * @param role "attention", "expert" or "both"
     * @param device index of its device
     * @param busy share of time it computes
     * @param transferBusy share of time its transfer stream is in use
     * @param weightBytes bytes of its weights
     * @param kvBytes bytes of its KV cache at the simulated context
     * @param bytesMoved bytes its operations move a step
     * @param flops floating-point operations a step
     * @param bytesSent bytes it sends a step
     */
    public record Rank(
            int rank,
            String role,
            int device,
            double busy,
            double transferBusy,
            double weightBytes,
            double kvBytes,
            double bytesMoved,
            double flops,
            double bytesSent) {}

    public SimulationResult {
        criticalPath = Map.copyOf(criticalPath);
        ranks = List.copyOf(ranks);
        timeline = List.copyOf(timeline);
    }

    /** The largest part of the critical path. */
    public Regime regime() {
        return criticalPath.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
    }
}
