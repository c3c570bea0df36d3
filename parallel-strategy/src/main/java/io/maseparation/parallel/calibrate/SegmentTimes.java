package io.maseparation.parallel.calibrate;

import java.util.ArrayList;
import java.util.List;

/** Times of the segments of equal steps. */
final class SegmentTimes {
    private final List<double[]> steps = new ArrayList<>();

    /** Adds a step: nanoseconds of the tasks of each segment. From any thread. */
    synchronized void add(List<long[]> segments) {
        double[] seconds = new double[segments.size()];
        for (int i = 0; i < seconds.length; i++) {
            for (long task : segments.get(i)) {
                seconds[i] += task / 1e9;
            }
        }
        steps.add(seconds);
    }

    /** Mean time of a step. */
    synchronized double seconds() {
        double sum = 0;
        for (double[] step : steps) {
            for (double segment : step) {
                sum += segment;
            }
        }
        return sum / steps.size();
    }

    /** Coefficient of variation of a segment's time, where segments count by their mean times. */
    synchronized double variation() {
        double deviations = 0;
        double means = 0;
        for (int segment = 0; segment < steps.getFirst().length; segment++) {
            double sum = 0;
            double squares = 0;
            for (double[] step : steps) {
                sum += step[segment];
                squares += step[segment] * step[segment];
            }
            double mean = sum / steps.size();
            deviations += Math.sqrt(Math.max(0, squares / steps.size() - mean * mean));
            means += mean;
        }
        return deviations / means;
    }
}
