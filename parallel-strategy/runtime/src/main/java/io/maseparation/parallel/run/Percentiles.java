package io.maseparation.parallel.run;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The one definition of percentiles and of the median run, for what is measured and what is simulated. */
public final class Percentiles {
    private Percentiles() {}

    /**
     * A percentile, interpolated linearly between the two closest ranks: the smallest value is percentile 0, the
     * largest percentile 100, and the median of two values is their mean.
     *
     * @param values in any order; left as they are
     * @param p 0 to 100
     * @return NaN if there are no values
     * @throws IllegalArgumentException if {@code p} is outside its range
     */
    public static double of(double[] values, double p) {
        if (!(p >= 0 && p <= 100)) {
            throw new IllegalArgumentException("a percentile is between 0 and 100, not " + p);
        }
        if (values.length == 0) {
            return Double.NaN;
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double rank = p / 100 * (sorted.length - 1);
        int below = (int) rank;
        double low = sorted[below];
        double high = sorted[Math.min(below + 1, sorted.length - 1)];
        return Math.min(high, low + (rank - below) * (high - low));
    }

    /**
     * {@return the run in the middle; of an even number the faster of the two}
     *
     * @param runs at least one
     * @param time what they are ordered by
     * @param <T> type of a run
     * @throws IllegalArgumentException if there is none
     */
    public static <T> T medianRun(List<T> runs, ToDoubleFunction<T> time) {
        if (runs.isEmpty()) {
            throw new IllegalArgumentException("the median of no runs");
        }
        return runs.stream().sorted(Comparator.comparingDouble(time)).toList().get((runs.size() - 1) / 2);
    }
}
