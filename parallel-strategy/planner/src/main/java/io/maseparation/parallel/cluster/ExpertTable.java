package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.moe.segments.OperationCost.ExpertBank;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Measured times of layers of experts. An engine has tiles tuned for some shapes and default ones for all others, which
 * change with the number of rows; each of these configurations follows a roofline of its own, much closer than all of
 * them follow one. What is kept of a measured time is the factor to the roofline of its configuration.
 */
final class ExpertTable {
    /** Curves that a shape between them is taken from. */
    private static final int NEAREST = 4;

    /** Weight of the rooflines themselves, beside the curves', which fall with their distances. */
    private static final double FIT = 1;

    /** A matrix with fewer columns takes as long as one with as many: kernels have no narrower tiles. */
    private static final int TILE = 64;

    /** Triton compiles kernels apart for sizes that 16 divides; those for others are up to twice as slow. */
    private static final int ALIGNED = 16;

    private final Roofline base;
    private final Map<Configuration, KernelFit> fits;
    private final List<Curve> curves;
    /** Power of the distance that the weight of a curve is the inverse of. */
    private final double distancePower;

    private final double least;
    /** Known so far: a search asks for few shapes, each with many numbers of pairs. */
    private final Map<Shape, Sources> sources = new ConcurrentHashMap<>();

    /** Which tiles kernels have. */
    enum Configuration implements Identified {
        /** Tuned for the shape. */
        TUNED,
        /** The default ones for no more rows than there are experts. */
        FEW,
        /** The default ones for more. */
        MANY
    }

    /**
     * What was measured of one shape, by pairs of a row and an expert.
     *
     * @param configuration the kernels' tiles
     * @param like the shape, with any number of pairs
     * @param factors by logarithms of pairs ÷ experts, logarithms of time ÷ roofline
     */
    record Curve(Configuration configuration, ExpertBank like, KernelTable.Curve factors) {}

    /**
     * @param base rooflines that factors are of
     * @param fits those of the configurations, at the same peaks
     * @param curves what was measured, relative to {@code fits}
     * @param distancePower power of the distance that the weight of a curve is the inverse of
     */
    ExpertTable(Roofline base, Map<Configuration, KernelFit> fits, List<Curve> curves, double distancePower) {
        this.distancePower = distancePower;
        this.base = base;
        this.fits = new EnumMap<>(Configuration.class);
        this.fits.putAll(fits);
        this.curves = List.copyOf(curves);
        double slowest = Math.min(1, curves.stream()
                .flatMap(c -> c.factors().logFactors().values().stream())
                .mapToDouble(Math::exp)
                .min()
                .orElse(1));
        least = slowest * fits.values().stream().mapToDouble(this::leastRatio).min().orElse(1);
    }

    /** Least ratio of the times by a configuration's roofline and by those that factors are of. */
    private double leastRatio(KernelFit fit) {
        double ratio = Double.POSITIVE_INFINITY;
        for (Operation operation : List.of(Operation.EXPERT_UP, Operation.EXPERT_DOWN)) {
            ratio = Math.min(ratio, fit.leastRatio(base.fit(operation), 1));
        }
        return ratio;
    }

    /** A curve of measured seconds, by pairs. */
    static Curve curve(
            Roofline base, Map<Configuration, KernelFit> fits, Configuration configuration, ExpertBank like,
            Map<Integer, Double> seconds) {
        TreeMap<Double, Double> factors = new TreeMap<>();
        KernelFit fit = fits.get(configuration);
        if (fit == null) {
            throw new IllegalArgumentException("no fit of " + configuration);
        }
        seconds.forEach((pairs, time) -> factors.put((double) pairs / like.held(),
                time / seconds(base, fit, with(like, pairs))));
        return new Curve(configuration, like, KernelTable.Curve.of(key(like), factors));
    }

    /** Balanced routing, as it was measured with. */
    static ExpertBank with(ExpertBank like, int pairs) {
        return new ExpertBank(pairs, like.held(), Math.min(pairs, like.held()), like.perRow(), like.width(),
                like.hidden());
    }

    private static double[] key(ExpertBank bank) {
        return new double[] {bank.width(), bank.hidden(), bank.held()};
    }

    /** Time of both matrices, as a configuration's roofline has it. */
    private static double seconds(Roofline base, KernelFit fit, ExpertBank bank) {
        int width = Math.max(TILE, bank.width());
        return seconds(base, fit, ExpertUp.cost(bank.pairs(), bank.active(), width, bank.hidden(), true, DataType.BF16))
                + seconds(base, fit,
                        ExpertDown.cost(bank.pairs(), bank.active(), width, bank.hidden(), DataType.BF16));
    }

    private static double seconds(Roofline base, KernelFit fit, OpCost cost) {
        return fit.fixedSeconds() + fit.workSeconds(
                cost.bytes(2) / base.bytesPerSecond(), cost.flops() / base.flopsPerSecond());
    }

    /**
     * {@return time ÷ what the rooflines of the operations say} A measured shape has its own, others have those of the
     * nearest.
     *
     * @param bank the experts, with at least one pair
     */
    double factor(ExpertBank bank) {
        double fitted = seconds(base, base.fit(Operation.EXPERT_UP),
                ExpertUp.cost(bank.pairs(), bank.active(), bank.width(), bank.hidden(), true, DataType.BF16))
                + seconds(base, base.fit(Operation.EXPERT_DOWN),
                        ExpertDown.cost(bank.pairs(), bank.active(), bank.width(), bank.hidden(), DataType.BF16));
        return seconds(bank) / fitted;
    }

    /**
     * What a shape is taken from.
     *
     * @param curves the nearest curves
     * @param weights of their factors; with that of the rooflines they sum to 1
     * @param shares of the configurations among them, by {@link Configuration#ordinal}
     */
    private record Sources(KernelTable.Curve[] curves, double[] weights, double[] shares) {}

    /**
     * A shape with any number of pairs.
     *
     * @param few whether there are no more rows than experts
     */
    private record Shape(int width, int hidden, int held, boolean few) {}

    /** Time of both matrices. */
    double seconds(ExpertBank bank) {
        boolean few = bank.pairs() <= (long) bank.held() * bank.perRow();
        Sources from = sources.computeIfAbsent(
                new Shape(bank.width(), bank.hidden(), bank.held(), few), this::sources);
        double size = Math.log((double) bank.pairs() / bank.held());
        double log = 0;
        for (Configuration configuration : Configuration.values()) {
            double share = from.shares()[configuration.ordinal()];
            if (share > 0) {
                log += share * Math.log(seconds(base, fit(configuration), bank));
            }
        }
        for (int i = 0; i < from.curves().length; i++) {
            log += from.weights()[i] * from.curves()[i].at(size);
        }
        return Math.exp(log);
    }

    private Sources sources(Shape shape) {
        double[] key = {Math.log(shape.width()), Math.log(shape.hidden()), Math.log(shape.held())};
        List<Curve> nearest = likely(shape).stream()
                .sorted(Comparator.comparingDouble(c -> c.factors().distance(key)))
                .limit(NEAREST)
                .toList();
        double[] weights = nearest.stream()
                .mapToDouble(c -> 1 / Math.pow(c.factors().distance(key) + 1e-9, distancePower / 2))
                .toArray();
        double all = Arrays.stream(weights).sum();
        double[] shares = new double[Configuration.values().length];
        for (int i = 0; i < weights.length; i++) {
            shares[nearest.get(i).configuration().ordinal()] += weights[i] / all;
            weights[i] /= all + FIT;
        }
        return new Sources(
                nearest.stream().map(Curve::factors).toArray(KernelTable.Curve[]::new), weights, shares);
    }

    /** The curves of kernels that a shape may have; all where there are none. */
    private List<Curve> likely(Shape shape) {
        List<Curve> tiled = curves.stream()
                .filter(c -> c.configuration() != (shape.few() ? Configuration.MANY : Configuration.FEW))
                .toList();
        List<Curve> of = tiled.isEmpty() ? curves : tiled;
        List<Curve> loaded = of.stream()
                .filter(c -> aligned(c.like().width()) == aligned(shape.width()))
                .toList();
        return loaded.isEmpty() ? of : loaded;
    }

    /** Whether kernels load rows of a width in pieces of 16 bytes, rather than element by element. */
    static boolean aligned(int width) {
        return width % ALIGNED == 0;
    }

    private KernelFit fit(Configuration configuration) {
        return Objects.requireNonNull(fits.get(configuration), "curves have fits");
    }

    /**
     * {@return the logarithm of what this table says of a point of a curve over what was measured}
     *
     * @param curve a curve, which need not be one of these
     * @param bank one of its points
     */
    double logError(Curve curve, ExpertBank bank) {
        double size = Math.log((double) bank.pairs() / bank.held());
        return Math.log(seconds(bank) / seconds(base, fit(curve.configuration()), bank)) - curve.factors().at(size);
    }

    /** {@return the least factor of any shape} */
    double least() {
        return least;
    }

    List<Curve> curves() {
        return curves;
    }

    /** {@return the same fits with some of the curves} */
    ExpertTable with(List<Curve> some) {
        return new ExpertTable(base, fits, some, distancePower);
    }
}
