package io.maseparation.parallel.cluster;

import io.maseparation.files.JsonFile;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.segments.OperationCost;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Times of one operation on a kind of device, measured by shape. The simulator takes from them how much longer or
 * shorter a task is than its {@link OperationRate} says, between measured shapes on straight lines over logarithms.
 */
public final class ShapeTimes {
    /** Nothing measured. */
    public static final ShapeTimes NONE = new ShapeTimes(List.of(), new KernelTable(List.of(), 0));

    /** Where a measured shape is this many times as large in one size, it counts as much as the rate alone. */
    private static final double AS_FAR_AS_THE_RATE = 8;

    /** More than any calibration writes, so that a file cannot make every task of a simulation slow. */
    private static final int MOST_CURVES = 4096;

    private final List<Curve> curves;
    private final KernelTable factors;

    /** What the sizes of an operation's shape are called in a file: all but the last one, and the last one. */
    private enum Sizes {
        EXPERTS("pairs"), ATTENTION("positions"), PRODUCT("rows");

        private final String along;

        Sizes(String along) {
            this.along = along;
        }

        List<String> key() {
            return switch (this) {
                case EXPERTS -> List.of("width", "hidden", "visited_experts");
                case ATTENTION -> List.of("lanes", "queries_per_key");
                case PRODUCT -> List.of("outputs", "inputs");
            };
        }

        static Optional<Sizes> of(Operation operation) {
            return switch (operation) {
                case EXPERT_UP, EXPERT_DOWN -> Optional.of(EXPERTS);
                case DECODE_ATTENTION -> Optional.of(ATTENTION);
                case QKV_PROJECTION, PROJECTION, ROUTER -> Optional.of(PRODUCT);
                default -> Optional.empty();
            };
        }
    }

    /**
     * One execution, or the mean of several.
     *
     * @param size the size that changes along a curve, above 0: pairs of a row and an expert, positions, or rows
     * @param seconds time, above 0
     * @param bytes bytes it moves, as its {@code OpCost} counts them
     * @param flops floating-point operations
     */
    public record Point(double size, double seconds, double bytes, double flops) {}

    /**
     * What was measured of all sizes but one.
     *
     * @param shape the others: of experts their width, that of the model and how many are visited; of decode attention
     *     rows times key-value heads and queries a key; of products outputs and inputs
     * @param points by ascending size
     */
    public record Curve(List<Integer> shape, List<Point> points) {
        /** Copies the lists. */
        public Curve {
            shape = List.copyOf(shape);
            points = List.copyOf(points);
        }
    }

    /**
     * A shape as a place in the table.
     *
     * @param curve all sizes but one
     * @param size the one that changes along a curve
     */
    public record Place(List<Integer> curve, double size) {
        /**
         * {@return the place of a shape; empty if times do not go by it, or it has nothing to do}
         *
         * @param shape of an operation
         */
        public static Optional<Place> of(OperationCost.Shape shape) {
            return switch (shape) {
                case OperationCost.Other other -> Optional.empty();
                case OperationCost.Product p -> place(p.rows(), p.outputs(), p.inputs());
                case OperationCost.Attention a -> a.lanes() == 0
                        ? Optional.empty()
                        : place(a.positions(), a.lanes(), a.group());
                case OperationCost.ExpertBank e -> e.active() == 0
                        ? Optional.empty()
                        : place(e.pairs(), e.width(), e.hidden(), e.active());
            };
        }

        private static Optional<Place> place(double size, Integer... curve) {
            return size < 1 ? Optional.empty() : Optional.of(new Place(List.of(curve), size));
        }
    }

    private ShapeTimes(List<Curve> curves, KernelTable factors) {
        this.curves = List.copyOf(curves);
        this.factors = factors;
    }

    /**
     * {@return times by shape, beside the rate that they are compared with}
     *
     * @param curves what was measured
     * @param rate the operation's rate
     */
    static ShapeTimes of(List<Curve> curves, OperationRate rate) {
        List<KernelTable.Curve> factors = new ArrayList<>();
        for (Curve curve : curves) {
            TreeMap<Double, Double> along = new TreeMap<>();
            for (Point p : curve.points()) {
                double positions = curve.shape().size() == 2 && rate.secondsPerPosition() > 0 ? p.size() : 0;
                double fit = rate.launchSeconds() + rate.workSeconds(p.bytes(), p.flops(), positions);
                if (fit > 0) {
                    along.put(along(curve.shape(), p.size()), p.seconds() / fit);
                }
            }
            if (!along.isEmpty()) {
                factors.add(KernelTable.Curve.of(key(curve.shape()), along));
            }
        }
        double far = Math.log(AS_FAR_AS_THE_RATE);
        return curves.isEmpty() ? NONE : new ShapeTimes(curves, new KernelTable(factors, 1 / (far * far)));
    }

    private static double[] key(List<Integer> shape) {
        return shape.stream().mapToDouble(Integer::doubleValue).toArray();
    }

    /** Experts are compared by rows of a visited expert. */
    private static double along(List<Integer> shape, double size) {
        return shape.size() == 3 ? size / shape.get(2) : size;
    }

    /**
     * {@return measured time ÷ that of the rate; 1 where nothing was measured}
     *
     * @param shape shape of a task
     */
    double factor(OperationCost.Shape shape) {
        return curves.isEmpty()
                ? 1
                : Place.of(shape).map(p -> factors.factor(key(p.curve()), along(p.curve(), p.size()))).orElse(1.0);
    }

    /** {@return the least factor of any shape} */
    double leastFactor() {
        return Math.min(1, factors.least());
    }

    /** {@return what was measured} */
    public List<Curve> curves() {
        return curves;
    }

    /** Whether there are any. */
    boolean any() {
        return !curves.isEmpty();
    }

    /**
     * Reads the times of an operation of a cluster file, which is not trusted.
     *
     * @param json the operation's fields
     * @param operation the operation
     */
    static List<Curve> read(JsonFile json, Operation operation) {
        if (!json.has("times")) {
            return List.of();
        }
        Sizes sizes = Sizes.of(operation).orElseThrow(() -> json.fail("times", "is for %s only".formatted(
                String.join(", ", Stream.of(Operation.values())
                        .filter(o -> Sizes.of(o).isPresent()).map(Operation::id).toList()))));
        List<Curve> curves = new ArrayList<>();
        for (JsonFile curve : json.objects("times")) {
            List<Integer> shape = sizes.key().stream().map(name -> curve.integer(name, 1, Integer.MAX_VALUE)).toList();
            curves.add(new Curve(shape, points(curve, sizes.along)));
            curve.sources().add("%s %s: %s".formatted(operation.id(), shape, curve.text("source", "not said")));
            curve.done();
            if (curves.size() > MOST_CURVES) {
                throw json.fail("times", "has more than %d curves".formatted(MOST_CURVES));
            }
        }
        return curves;
    }

    private static List<Point> points(JsonFile curve, String along) {
        List<Double> sizes = curve.numbers(along);
        List<Double> us = curve.numbers("us");
        List<Double> bytes = curve.numbers("bytes");
        List<Double> flops = curve.numbers("flops");
        int n = sizes.size();
        if (n == 0 || us.size() != n || bytes.size() != n || flops.size() != n) {
            throw curve.fail(along, "us, bytes and flops are not lists of one length, at least 1");
        }
        List<Point> points = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Point p = new Point(sizes.get(i), us.get(i) / 1e6, bytes.get(i), flops.get(i));
            boolean ascending = points.isEmpty() || p.size() > points.getLast().size();
            if (!ascending || !within(p.size(), 1, 1e12) || !within(p.seconds(), 1e-9, 1e6)
                    || !within(p.bytes(), 0, 1e18) || !within(p.flops(), 0, 1e21)) {
                throw curve.fail(along, "does not ascend from 1 on, or us are not above 0, or bytes or flops below 0");
            }
            points.add(p);
        }
        return points;
    }

    private static boolean within(double value, double least, double most) {
        return value >= least && value <= most;
    }

    /**
     * {@return the times of an operation as a cluster file has them}
     *
     * @param operation the operation
     * @param source where they come from
     */
    List<Map<String, Object>> written(Operation operation, String source) {
        Sizes sizes = Sizes.of(operation).orElseThrow();
        List<Map<String, Object>> written = new ArrayList<>();
        for (Curve curve : curves) {
            Map<String, Object> json = new LinkedHashMap<>();
            for (int i = 0; i < sizes.key().size(); i++) {
                json.put(sizes.key().get(i), curve.shape().get(i));
            }
            json.put("source", source);
            json.put(sizes.along, curve.points().stream().map(Point::size).toList());
            json.put("us", curve.points().stream().map(p -> p.seconds() * 1e6).toList());
            json.put("bytes", curve.points().stream().map(Point::bytes).toList());
            json.put("flops", curve.points().stream().map(Point::flops).toList());
            written.add(json);
        }
        return written;
    }
}
