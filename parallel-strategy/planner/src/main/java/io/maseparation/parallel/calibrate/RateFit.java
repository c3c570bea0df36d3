package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.run.Percentiles;
import java.util.List;

/**
 * Fits {@code t = launch + max(bytes / b, flops / f, positions × p)} to measurements: launch and the ratio of the two
 * rates on grids that get finer, the rate itself by Gauss–Newton. It minimizes the squared logarithmic error, so that
 * short and long executions count alike. The cost of a position is the least that any execution took per position.
 */
final class RateFit {
    private static final int GRID = 16;
    private static final int PASSES = 5;
    private static final int NEWTON_STEPS = 6;
    private static final double WITHOUT_WORK = 1e12;
    /** FLOPs per byte at which the two limits meet, at least and at most. */
    private static final double LEAST_RATIO = 0.01;

    private static final double MOST_RATIO = 1000;

    /**
     * One execution.
     *
     * @param bytes bytes it moves
     * @param flops floating-point operations
     * @param positions positions that a row reads one after the other; 0 if that cannot be a limit
     * @param seconds time it takes
     */
    record Sample(double bytes, double flops, double positions, double seconds) {}

    /** Launch and FLOPs per byte, with their error. */
    private record Guess(double launch, double ratio, double error) {}

    /** The best of a grid around a guess. */
    private static Guess around(
            List<Sample> samples, Guess guess, double launchSpan, double ratioSpan, double mostLaunch) {
        Guess best = guess;
        for (int i = 0; i <= GRID; i++) {
            double launch =
                    Math.clamp(guess.launch() + launchSpan * (2.0 * i / GRID - 1), 0, mostLaunch);
            for (int j = 0; j <= 2 * GRID; j++) {
                double ratio = guess.ratio() * Math.pow(ratioSpan, 1.0 * j / GRID - 1);
                double error = squaredError(samples, withRatio(samples, launch, ratio));
                if (error < best.error()) {
                    best = new Guess(launch, ratio, error);
                }
            }
        }
        return best;
    }

    private RateFit() {}

    /** The best fit of at least one sample. */
    static Calibration.Fit of(List<Sample> samples) {
        double most = 0.98 * samples.stream().mapToDouble(Sample::seconds).min().orElseThrow();
        Guess best = new Guess(0.5 * most, Math.sqrt(LEAST_RATIO * MOST_RATIO), Double.POSITIVE_INFINITY);
        double launchSpan = 0.5 * most;
        double ratioSpan = Math.sqrt(MOST_RATIO / LEAST_RATIO);
        for (int pass = 0; pass < PASSES; pass++) {
            best = around(samples, best, launchSpan, ratioSpan, most);
            launchSpan *= 2.0 / GRID;
            ratioSpan = Math.pow(ratioSpan, 4.0 / GRID);
        }
        OperationRate found = asSeen(samples, withRatio(samples, best.launch(), best.ratio()));
        double[] errors =
                samples.stream().mapToDouble(s -> Math.abs(seconds(found, s) / s.seconds() - 1)).toArray();
        return new Calibration.Fit(found, Percentiles.of(errors, 50), samples.size());
    }

    /** The least time per position among the executions with most positions; 0 if none has any. */
    private static double leastPerPosition(List<Sample> samples, double launch) {
        double most = samples.stream().mapToDouble(Sample::positions).max().orElse(0);
        return most == 0
                ? 0
                : samples.stream()
                        .filter(s -> s.positions() == most)
                        .mapToDouble(s -> (s.seconds() - launch) / most)
                        .min()
                        .orElse(0);
    }

    /**
     * The same rates, but none higher than the samples reach: a rate that limits no sample could have any value.
     */
    private static OperationRate asSeen(List<Sample> samples, OperationRate rate) {
        double bytes = 0;
        double flops = 0;
        for (Sample s : samples) {
            double seconds = s.seconds() - rate.launchSeconds();
            if (seconds > 0) {
                bytes = Math.max(bytes, s.bytes() / seconds);
                flops = Math.max(flops, s.flops() / seconds);
            }
        }
        return new OperationRate(
                rate.launchSeconds(),
                bytes > 0 ? Math.min(bytes, rate.bytesPerSecond()) : rate.bytesPerSecond(),
                flops > 0 ? Math.min(flops, rate.flopsPerSecond()) : rate.flopsPerSecond(),
                rate.secondsPerPosition());
    }

    /** The rate that fits best for a given launch time and ratio: Gauss–Newton on its logarithm. */
    private static OperationRate withRatio(List<Sample> samples, double launch, double ratio) {
        double work = 0;
        double time = 0;
        for (Sample s : samples) {
            work += Math.max(s.bytes(), s.flops() / ratio);
            time += Math.max(s.seconds() - launch, 0);
        }
        if (work == 0) {
            // Without any work, all time is launch.
            return new OperationRate(launch, WITHOUT_WORK, WITHOUT_WORK, 0);
        }
        double perPosition = Math.max(0, leastPerPosition(samples, launch));
        double rate = work / Math.max(time, 1e-12);
        for (int i = 0; i < NEWTON_STEPS; i++) {
            double numerator = 0;
            double denominator = 0;
            for (Sample s : samples) {
                double seconds = Math.max(s.bytes(), s.flops() / ratio) / rate;
                if (seconds < s.positions() * perPosition) {
                    // Its time does not depend on the rate.
                    continue;
                }
                double weight = seconds / (launch + seconds);
                numerator += weight * Math.log((launch + seconds) / s.seconds());
                denominator += weight * weight;
            }
            rate *= Math.exp(Math.clamp(numerator / Math.max(denominator, 1e-12), -1, 1));
        }
        return new OperationRate(launch, rate, rate * ratio, perPosition);
    }

    static double seconds(OperationRate rate, Sample s) {
        return rate.launchSeconds() + rate.workSeconds(s.bytes(), s.flops(), s.positions());
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
