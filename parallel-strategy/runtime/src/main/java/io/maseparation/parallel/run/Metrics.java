package io.maseparation.parallel.run;

/**
 * Metrics of a run, as defined in docs/metrics.md. Times are in milliseconds. Where a run is too short to have a value
 * (no token after the first), it is NaN.
 *
 * @param latency how long a sequence waits for its tokens
 * @param tps output tokens per second over the batch, in the decode phase
 * @param wallMs time from the start of the run to the last token
 * @param setupMs time before the run: buffers laid out, task graphs built
 * @param work what decode steps had to do at least, and how fast it was done
 * @param utilisation how well ranks and memory were used
 */
public record Metrics(
        Latency latency, double tps, double wallMs, double setupMs, Work work, Utilisation utilisation) {

    /** {@return mean time between a sequence's output tokens after the first} */
    public double tpotMs() {
        return latency.tpotMs();
    }

    /**
     * How long a sequence waits for its tokens.
     *
     * @param tpotMs mean time between a sequence's output tokens after the first
     * @param tpotP50Ms median of those times; percentiles are those of {@link Percentiles}
     * @param tpotP90Ms 90th percentile
     * @param tpotP99Ms 99th percentile
     * @param ttftMs mean time from the start of the run to a sequence's first token
     */
    public record Latency(double tpotMs, double tpotP50Ms, double tpotP90Ms, double tpotP99Ms, double ttftMs) {}

    /**
     * What decode steps had to do at least.
     *
     * @param bytesPerStep bytes that a step must move: weights in use once, live keys and values once
     * @param flopsPerStep floating-point operations of a step
     * @param bytesPerSecond bytesPerStep over the time of a step
     * @param flopsPerSecond flopsPerStep over the time of a step
     */
    public record Work(double bytesPerStep, double flopsPerStep, double bytesPerSecond, double flopsPerSecond) {}

    /**
     * How well ranks and memory were used.
     *
     * @param busyAttention mean busy share of the ranks with attention in the decode phase
     * @param busyExpert mean busy share of the ranks with experts in the decode phase
     * @param memoryEfficiency (unique weights + live keys and values) over what all ranks allocated for both
     * @param imbalance largest over mean number of rows of an expert rank; 1 where one rank has all
     */
    public record Utilisation(double busyAttention, double busyExpert, double memoryEfficiency, double imbalance) {}
}
