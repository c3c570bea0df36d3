package io.maseparation.parallel.simulate;

import io.maseparation.files.Identified;
import io.maseparation.parallel.layout.RankMemory;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What a simulation found. Times are in milliseconds, and simulated.
 *
 * @param simulation what was simulated
 * @param speed times of tokens, and their price
 * @param bounds least times of a step
 * @param use how well devices and memory are used
 * @param criticalPath share of the critical path by {@link Regime}; sums to 1
 * @param ranks one entry per rank
 * @param timeline what ran when in the measured steps, without the engine's part; empty if it was not recorded
 * @param range what the errors of the cluster's profile make of the time between tokens
 */
public record SimulationResult(
        Simulation simulation,
        Speed speed,
        Bounds bounds,
        Use use,
        Map<Regime, Double> criticalPath,
        List<Rank> ranks,
        List<TimelineEvent> timeline,
        Range range) {

    private static final int RANGE_STEPS = 4;

    /** What a step spends its time on. */
    public enum Regime implements Identified {
        /** Attention, norms, routers, embedding and logits. */
        ATTENTION,
        /** Experts. */
        EXPERT,
        /** Transfers and collectives. */
        TRANSFER,
        /** Starting operations. */
        LAUNCH,
        /** Scheduling and sampling of the serving engine. */
        ENGINE;
    }

    /**
     * Times of tokens.
     *
     * @param tpotMs mean time between a sequence's output tokens
     * @param tpotP50Ms median of those times
     * @param tpotP90Ms 90th percentile
     * @param tpotP99Ms 99th percentile
     * @param tps output tokens per second over the batch
     * @param ttftMs mean time from the start of the prefill to a sequence's first token; NaN without a prefill
     * @param prefillMs time from the start of the prefill to the last sequence's first token; NaN without a prefill
     * @param pricePerMillionTokens price of a million output tokens; NaN if prices are unknown
     */
    public record Speed(
            double tpotMs,
            double tpotP50Ms,
            double tpotP90Ms,
            double tpotP99Ms,
            double tps,
            double ttftMs,
            double prefillMs,
            double pricePerMillionTokens) {}

    /**
     * The time between tokens if every number of the cluster's profile is off by its relative error at once.
     *
     * @param lowMs with everything as much faster; NaN if it was not simulated
     * @param highMs with everything as much slower
     */
    public record Range(double lowMs, double highMs) {
        /** Not simulated. */
        public static final Range NONE = new Range(Double.NaN, Double.NaN);
    }

    /**
     * Least times of a step.
     *
     * @param layoutMs largest time, over devices, of a step's bytes or floating-point operations at peak rates
     * @param clusterMs least time on all devices together, whatever the layout: unique bytes over the sum of
     *     bandwidths, or operations over the sum of rates
     */
    public record Bounds(double layoutMs, double clusterMs) {}

    /**
     * How well devices and memory are used.
     *
     * @param busyAttention mean busy share of ranks with attention
     * @param busyExpert mean busy share of ranks with experts
     * @param mbu bytes that a step must move at least over time and bandwidth of all devices
     * @param mfu floating-point operations of a step over time and rate of all devices
     * @param memoryEfficiency (unique weights + live KV) ÷ what all ranks hold of both
     * @param imbalance rows of the busiest expert group ÷ mean
     */
    public record Use(
            double busyAttention,
            double busyExpert,
            double mbu,
            double mfu,
            double memoryEfficiency,
            double imbalance) {}

    /**
     * One rank.
     *
     * @param rank index
     * @param role what it computes
     * @param device index of its device
     * @param busy share of the time in which it computes
     * @param transferBusy share of the time in which its transfer stream is in use
     * @param memory what it holds
     * @param work what it does in a step
     */
    public record Rank(
            int rank, Role role, int device, double busy, double transferBusy, RankMemory memory, Work work) {

        /**
         * Work of a step.
         *
         * @param bytesMoved bytes its operations move
         * @param flops floating-point operations
         * @param bytesSent bytes it sends
         */
        public record Work(double bytesMoved, double flops, double bytesSent) {}
    }

    /** Copies the collections. */
    public SimulationResult {
        criticalPath = Map.copyOf(criticalPath);
        ranks = List.copyOf(ranks);
        timeline = List.copyOf(timeline);
    }

    /** {@return mean time between a sequence's output tokens} */
    public double tpotMs() {
        return speed.tpotMs();
    }

    /** {@return output tokens per second over the batch} */
    public double tps() {
        return speed.tps();
    }

    /** {@return mean over all ranks of the share of the time in which they compute} */
    public double busy() {
        return ranks.stream().mapToDouble(Rank::busy).average().orElse(Double.NaN);
    }

    /** {@return what makes up the largest part of the critical path} */
    public Regime regime() {
        return criticalPath.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
    }

    /**
     * {@return the same result for a scenario that differs only in how its routing is stored}
     *
     * @param scenario the scenario
     */
    public SimulationResult of(Scenario scenario) {
        return new SimulationResult(
                simulation.with(scenario), speed, bounds, use, criticalPath, ranks, timeline, range);
    }

    /** {@return the same result with the range that the errors of the cluster's profile allow} */
    public SimulationResult withRange() {
        return withRange(Simulation::tpotMs);
    }

    /**
     * {@return the same result with the range that the errors of the cluster's profile allow} A few steps tell the
     * ratios; no end is below the bound of the layout, since peaks are not in doubt.
     *
     * @param tpotMs how a simulation's time between tokens is found, in milliseconds
     */
    public SimulationResult withRange(ToDoubleFunction<Simulation> tpotMs) {
        Scenario scenario = simulation.scenario();
        Simulation few = simulation.with(scenario.withSteps(Math.min(RANGE_STEPS, scenario.steps()), 1));
        double now = tpotMs.applyAsDouble(few);
        double faster = tpotMs.applyAsDouble(few.on(few.cluster().off(false)));
        double slower = tpotMs.applyAsDouble(few.on(few.cluster().off(true)));
        return new SimulationResult(simulation, speed, bounds, use, criticalPath, ranks, timeline, new Range(
                Math.clamp(tpotMs() * faster / now, Math.min(bounds.layoutMs(), tpotMs()), tpotMs()),
                tpotMs() * Math.max(1, slower / now)));
    }
}
