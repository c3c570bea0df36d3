package io.maseparation.parallel.run;

/**
 * Metrics of a run, as defined in docs/metrics.md. Times are in milliseconds. Where a run is too short to have a value
 * (no token after the first), it is NaN.
 *
 * @param tpotMs mean time between a sequence's output tokens after the first
 * @param tpotP50Ms median of those times
 * @param tpotP90Ms 90th percentile
 * @param tpotP99Ms 99th percentile
 * @param tps output tokens a second over the batch, in the decode phase
 * @param ttftMs mean time from the start of the run to a sequence's first token
 * @param wallMs time from the start of the run to the last token
 * @param busyAttention mean busy share of the ranks with attention in the decode phase
 * @param busyExpert mean busy share of the ranks with experts in the decode phase
 * @param bytesMovedPerStep bytes that a decode step must move at least: weights in use once, live keys and values once
 * @param flopsPerStep floating-point operations of a decode step
 * @param achievedBytesPerSecond bytesMovedPerStep over the time of a step
 * @param achievedFlopsPerSecond flopsPerStep over the time of a step
 * @param memoryEfficiency (unique weights + live keys and values) over what all ranks allocated for both
 * @param imbalance largest over mean number of rows of an expert rank; 1 where one rank has all
 * @param setupMs time before the run: buffers laid out, task graphs built
 */
public record Metrics(
        double tpotMs,
        double tpotP50Ms,
        double tpotP90Ms,
        double tpotP99Ms,
        double tps,
        double ttftMs,
        double wallMs,
        double busyAttention,
        double busyExpert,
        double bytesMovedPerStep,
        double flopsPerStep,
        double achievedBytesPerSecond,
        double achievedFlopsPerSecond,
        double memoryEfficiency,
        double imbalance,
        double setupMs) {}
