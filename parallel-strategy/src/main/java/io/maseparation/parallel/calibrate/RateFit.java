package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.OperationRate;
import java.util.List;

/**
 * Fits {@code t = launch + max(bytes / b, flops / f)} to measurements: launch and the ratio of the two rates from a grid,
 * the rate itself so that the mean of the logarithmic errors is zero, and of all the one with the least squared
 * logarithmic error, so that short and long executions count alike.
 *
 * @param rate the fit
 * @param medianError median of |fitted ÷ measured − 1|
 * @param samples number of measurements
 */
record RateFit(OperationRate rate, double medianError, int samples) {
    private static final int LAUNCHES = 24;
    private static final int RATIOS = 49;
    /** FLOPs a byte at which the two limits meet, at least and at most. */
    private static final double LEAST_RATIO = 0.01;

    private static final double MOST_RATIO = 1000;

    /**
     * One execution.
     *
     * @param bytes bytes it moves
     * @param flops floating-point operations
     * @param seconds time it takes
     */
    record Sample(double bytes, double flops, double seconds) {}

    /** The best fit of at least one sample. */
    static RateFit of(List<Sample> samples) {
        double least = samples.stream().mapToDouble(Sample::seconds).min().orElseThrow();
        OperationRate best = null;
        double bestError = Double.POSITIVE_INFINITY;
        for (int i = 0; i < LAUNCHES; i++) {
            double launch = least * 0.98 * i / (LAUNCHES - 1);
            for (int j = 0; j < RATIOS; j++) {
                double ratio = LEAST_RATIO * Math.pow(MOST_RATIO / LEAST_RATIO, j / (RATIOS - 1.0));
                OperationRate rate = withRatio(samples, launch, ratio);
                double error = squaredError(samples, rate);
                if (error < bestError) {
                    bestError = error;
                    best = rate;
                }
            }
        }
        OperationRate found = best;
        double[] errors = samples.stream()
                .mapToDouble(s -> Math.abs(seconds(found, s) / s.seconds() - 1))
                .sorted()
                .toArray();
        return new RateFit(best, errors[errors.length / 2], samples.size());
    }

    private static OperationRate withRatio(List<Sample> samples, double launch, double ratio) {
        double sum = 0;
        int n = 0;
        for (Sample s : samples) {
            double work = Math.max(s.bytes(), s.flops() / ratio);
            if (work > 0) {
                sum += Math.log(work / Math.max(s.seconds() - launch, 1e-12));
                n++;
            }
        }
        // Without any work it is all launch.
        double bytesPerSecond = n == 0 ? 1e12 : Math.exp(sum / n);
        return new OperationRate(launch, bytesPerSecond, bytesPerSecond * ratio);
    }

    static double seconds(OperationRate rate, Sample s) {
        return rate.launchSeconds() + Math.max(s.bytes() / rate.bytesPerSecond(), s.flops() / rate.flopsPerSecond());
    }

    private static double squaredError(List<Sample> samples, OperationRate rate) {
        double sum = 0;
        for (Sample s : samples) {
            double error = Math.log(Math.max(seconds(rate, s), 1e-12) / s.seconds());
            sum += error * error;
        }
        return sum;
    }
}
