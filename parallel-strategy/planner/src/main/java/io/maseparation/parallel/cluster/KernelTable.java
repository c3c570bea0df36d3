package io.maseparation.parallel.cluster;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * How much longer kernels take than their fit says, by shape: from measurements, between them on straight lines over
 * logarithms. Shapes lie on curves: along a curve one size changes, from curve to curve the other ones.
 */
final class KernelTable {
    /** Curves that a shape between them is taken from. */
    private static final int NEAREST = 4;

    private final List<Curve> curves;

    /** What was measured of all sizes but one. */
    record Curve(double[] logKey, NavigableMap<Double, Double> logFactors) {
        /** A curve of measured times. Sizes are above 0. */
        static Curve of(double[] key, NavigableMap<Double, Double> factors) {
            double[] logs = new double[key.length];
            for (int i = 0; i < key.length; i++) {
                logs[i] = Math.log(key[i]);
            }
            NavigableMap<Double, Double> points = new TreeMap<>();
            factors.forEach((size, factor) -> points.put(Math.log(size), Math.log(factor)));
            return new Curve(logs, points);
        }

        /** Outside of what was measured, that of the nearest end. */
        private double at(double logSize) {
            var below = logFactors.floorEntry(logSize);
            var above = logFactors.ceilingEntry(logSize);
            if (below == null || above == null) {
                return (below == null ? above : below).getValue();
            }
            double way = above.getKey() - below.getKey();
            double share = way == 0 ? 0 : (logSize - below.getKey()) / way;
            return below.getValue() + share * (above.getValue() - below.getValue());
        }

        private double distance(double[] other) {
            double sum = 0;
            for (int i = 0; i < logKey.length; i++) {
                sum += (logKey[i] - other[i]) * (logKey[i] - other[i]);
            }
            return sum;
        }
    }

    private record Neighbour(Curve curve, double distance) {}

    KernelTable(List<Curve> curves) {
        this.curves = List.copyOf(curves);
    }

    /**
     * {@return time ÷ that of the fit; a shape on a measured curve has that of the curve, any other one the geometric
     * mean of the nearest curves, weighted by the inverse square of their distance}
     *
     * @param key all sizes but one
     * @param size the one that changes along a curve
     */
    double factor(double[] key, double size) {
        double[] logs = new double[key.length];
        for (int i = 0; i < key.length; i++) {
            logs[i] = Math.log(Math.max(key[i], 1));
        }
        List<Neighbour> nearest = new ArrayList<>();
        for (Curve curve : curves) {
            nearest.add(new Neighbour(curve, curve.distance(logs)));
        }
        nearest.sort(Comparator.comparingDouble(Neighbour::distance));
        double sum = 0;
        double weights = 0;
        for (Neighbour n : nearest.subList(0, Math.min(NEAREST, nearest.size()))) {
            double weight = 1 / (n.distance() + 1e-9);
            sum += weight * n.curve().at(Math.log(size));
            weights += weight;
        }
        return Math.exp(sum / weights);
    }

    /** {@return the least factor of any shape} */
    double least() {
        return Math.exp(curves.stream()
                .flatMap(c -> c.logFactors().values().stream())
                .mapToDouble(f -> f)
                .min()
                .orElse(0));
    }

    List<Curve> curves() {
        return curves;
    }
}
