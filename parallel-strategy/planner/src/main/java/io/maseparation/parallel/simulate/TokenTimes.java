package io.maseparation.parallel.simulate;

import java.util.Arrays;

/** When the tokens of each attention group, micro-batch and step came out, and which entry of the log led to them. */
final class TokenTimes {
    private final double[][][] seconds;
    private final int[][][] entries;

    TokenTimes(Batches batches) {
        seconds = new double[batches.groups()][batches.microBatches()][batches.steps()];
        entries = new int[batches.groups()][batches.microBatches()][batches.steps()];
        for (double[][] group : seconds) {
            for (double[] batch : group) {
                Arrays.fill(batch, Double.NaN);
            }
        }
    }

    void set(int group, int microBatch, int step, double time, int entry) {
        seconds[group][microBatch][step] = time;
        entries[group][microBatch][step] = entry;
    }

    /** Time of each step's tokens, in seconds; NaN if the micro-batch has no rows. */
    double[] of(int group, int microBatch) {
        return seconds[group][microBatch];
    }

    /** The entry that led to the tokens of a step. */
    int entry(int group, int microBatch, int step) {
        return entries[group][microBatch][step];
    }

    /** When the last tokens of a step came; 0 if there are none. */
    double last(int step) {
        return Arrays.stream(seconds)
                .flatMap(Arrays::stream)
                .mapToDouble(times -> times[step])
                .filter(time -> !Double.isNaN(time))
                .max()
                .orElse(0);
    }
}
