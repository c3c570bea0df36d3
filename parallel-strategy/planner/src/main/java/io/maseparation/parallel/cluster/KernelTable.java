package io.maseparation.parallel.cluster;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * How much longer kernels take than their fit says, by shape: from measurements, between them on straight lines over
 * logarithms. Shapes lie on curves: along a curve one size changes, from curve to curve the other ones.
 */
final class KernelTable {
    /** Curves that a shape between them is taken from. */
    private static final int NEAREST = 4;

    /** Share of neighbours with as much work in a size that a curve lacks; the rest is the curve's own line. */
    private static final double NEIGHBOURS = 1 / 3.0;

    /** Two sizes whose logarithms differ by less are the same. */
    private static final double SAME = 1e-6;

    private final List<Curve> curves;
    /** The same with sizes filled in that were not measured. */
    private final List<Curve> filled;
    private final boolean fill;
    /** Weight of the fit itself, beside the inverse squares of the curves' distances. */
    private final double fit;
    private final double least;

    /** What was measured of all sizes but one. */
    static final class Curve {
        private final double[] logKey;
        private final NavigableMap<Double, Double> logFactors;
        /** The same in arrays: a search asks millions of times. */
        private final double[] logSizes;

        private final double[] values;

        /**
         * @param logKey logarithms of all sizes but one
         * @param logFactors logarithms of time ÷ fit, by that of the size that changes; at least one
         */
        Curve(double[] logKey, NavigableMap<Double, Double> logFactors) {
            this.logKey = logKey;
            this.logFactors = logFactors;
            logSizes = logFactors.keySet().stream().mapToDouble(size -> size).toArray();
            values = logFactors.values().stream().mapToDouble(factor -> factor).toArray();
        }

        double[] logKey() {
            return logKey;
        }

        NavigableMap<Double, Double> logFactors() {
            return logFactors;
        }

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
        double at(double logSize) {
            int last = logSizes.length - 1;
            if (logSize <= logSizes[0]) {
                return values[0];
            }
            if (logSize >= logSizes[last]) {
                return values[last];
            }
            int found = Arrays.binarySearch(logSizes, logSize);
            if (found >= 0) {
                return values[found];
            }
            int above = -found - 1;
            double way = logSizes[above] - logSizes[above - 1];
            double share = (logSize - logSizes[above - 1]) / way;
            return values[above - 1] + share * (values[above] - values[above - 1]);
        }

        /** The square of the distance of the other sizes' logarithms. */
        double distance(double[] other) {
            double sum = 0;
            for (int i = 0; i < logKey.length; i++) {
                sum += (logKey[i] - other[i]) * (logKey[i] - other[i]);
            }
            return sum;
        }

        /**
         * The same with the sizes that this curve lacks and that others with half or twice the first size of the key
         * have with as much work, between its ends and up to twice beyond the last. What a kernel does with a size
         * depends on how much there is to divide among the device's cores, so that it changes along such diagonals.
         */
        Curve filled(List<Curve> others) {
            Map<Double, List<Double>> missing = new TreeMap<>();
            for (Curve other : others) {
                double ratio = other.logKey[0] - logKey[0];
                if (Math.abs(Math.abs(ratio) - Math.log(2)) < SAME && Arrays.equals(
                        logKey, 1, logKey.length, other.logKey, 1, logKey.length)) {
                    other.logFactors.forEach((logSize, logFactor) -> {
                        double size = logSize + ratio;
                        if (size > logFactors.firstKey() && size < logFactors.lastKey() + Math.log(2) + SAME
                                && logFactors.subMap(size - SAME, size + SAME).isEmpty()) {
                            missing.computeIfAbsent(Math.rint(size / SAME) * SAME, s -> new ArrayList<>())
                                    .add(logFactor);
                        }
                    });
                }
            }
            NavigableMap<Double, Double> points = new TreeMap<>(logFactors);
            missing.forEach((size, factors) -> points.put(size, (1 - NEIGHBOURS) * at(size) + NEIGHBOURS
                    * factors.stream().mapToDouble(f -> f).average().orElseThrow()));
            return new Curve(logKey, points);
        }
    }

    /**
     * Measurements that fade into the fit with the distance.
     *
     * @param fit weight of the fit itself: 1 over the square of the distance of a curve that counts as much
     */
    KernelTable(List<Curve> curves, double fit) {
        this(curves, fit, false);
    }

    /**
     * Measurements that fade into the fit with the distance.
     *
     * @param fit weight of the fit itself: 1 over the square of the distance of a curve that counts as much
     * @param fill whether the size that changes along a curve and the first one of the key divide among cores alike, so
     *     that sizes which a curve lacks are filled in from others with as much work
     */
    KernelTable(List<Curve> curves, double fit, boolean fill) {
        this.curves = List.copyOf(curves);
        this.fit = fit;
        this.fill = fill;
        filled = fill ? curves.stream().map(c -> c.filled(curves)).toList() : this.curves;
        least = Math.exp(this.curves.stream()
                .flatMap(c -> c.logFactors().values().stream())
                .mapToDouble(f -> f)
                .min()
                .orElse(0));
    }

    /**
     * {@return time ÷ that of the fit; a shape on a measured curve has that of the curve, any other one the geometric
     * mean of the fit and the nearest curves, these weighted by the inverse square of their distance}
     *
     * @param key all sizes but one
     * @param size the one that changes along a curve
     */
    double factor(double[] key, double size) {
        double[] logs = new double[key.length];
        for (int i = 0; i < key.length; i++) {
            logs[i] = Math.log(Math.max(key[i], 1));
        }
        // The nearest come first; there are few, so that each moves to its place.
        Curve[] nearest = new Curve[Math.min(NEAREST, filled.size())];
        double[] distances = new double[nearest.length];
        Arrays.fill(distances, Double.POSITIVE_INFINITY);
        for (Curve curve : filled) {
            double distance = curve.distance(logs);
            for (int at = nearest.length - 1; at >= 0 && distance < distances[at]; at--) {
                if (at + 1 < nearest.length) {
                    nearest[at + 1] = nearest[at];
                    distances[at + 1] = distances[at];
                }
                nearest[at] = curve;
                distances[at] = distance;
            }
        }
        double sum = 0;
        double weights = fit;
        for (int i = 0; i < nearest.length; i++) {
            double weight = 1 / (distances[i] + 1e-9);
            sum += weight * nearest[i].at(Math.log(size));
            weights += weight;
        }
        return Math.exp(sum / weights);
    }

    /** {@return the least factor of any shape} */
    double least() {
        return least;
    }

    /** {@return what was measured} */
    List<Curve> curves() {
        return curves;
    }

    /** {@return the same fit with some of the curves} */
    KernelTable with(List<Curve> some) {
        return new KernelTable(some, fit, fill);
    }
}
