package io.maseparation.parallel.calibrate;

import io.maseparation.parallel.run.Percentiles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Times of the tasks of the segments of equal steps. */
final class SegmentTimes {
    /** For each segment: seconds of each task, summed over steps. */
    private final List<double[]> tasks = new ArrayList<>();

    /** For each segment: seconds in each step. */
    private final List<List<Double>> segments = new ArrayList<>();

    /** Adds a step: nanoseconds of the tasks of each segment. May be called from any thread. */
    synchronized void add(List<long[]> step) {
        for (int s = 0; s < step.size(); s++) {
            if (tasks.size() == s) {
                tasks.add(new double[step.get(s).length]);
                segments.add(new ArrayList<>());
            }
            double sum = 0;
            for (int t = 0; t < step.get(s).length; t++) {
                double seconds = step.get(s)[t] / 1e9;
                tasks.get(s)[t] += seconds;
                sum += seconds;
            }
            segments.get(s).add(sum);
        }
    }

    /** Mean time of each task, by segment. */
    synchronized List<double[]> taskSeconds() {
        int steps = segments.getFirst().size();
        return tasks.stream()
                .map(t -> Arrays.stream(t).map(sum -> sum / steps).toArray())
                .toList();
    }

    /** Median time of each segment. */
    synchronized double[] medianSegmentSeconds() {
        return segments.stream()
                .mapToDouble(s -> Percentiles.of(s.stream().mapToDouble(d -> d).toArray(), 50))
                .toArray();
    }

    /** Sum of the segments' median times. */
    double medianSeconds() {
        return Arrays.stream(medianSegmentSeconds()).sum();
    }

    /** Mean time of a step. */
    double seconds() {
        return taskSeconds().stream().flatMapToDouble(Arrays::stream).sum();
    }

    /** Coefficient of variation of the segments' times; segments are weighted by their mean times. */
    synchronized double variation() {
        double deviations = 0;
        double means = 0;
        for (List<Double> segment : segments) {
            double mean = segment.stream().mapToDouble(d -> d).average().orElseThrow();
            double squares = segment.stream().mapToDouble(d -> (d - mean) * (d - mean)).average().orElseThrow();
            deviations += Math.sqrt(squares);
            means += mean;
        }
        return deviations / means;
    }
}
