package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.OperationCost.ExpertBank;
import io.maseparation.parallel.cluster.ExpertTable.Configuration;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Measured times of kernels by operation and shape: experts by width and rows, decode attention by rows, heads and
 * context, products by their sizes. They are kept as factors of the fits, which scale with the device's rates.
 */
public final class KernelTables {
    /** Nothing measured. */
    public static final KernelTables NONE = new KernelTables("", Map.of(), null, null, null, null);

    /** Names of tables, which are those of the systems measured. */
    static final List<String> NAMES = List.of("a100", "h100", "h200");

    private static final int HEAD_DIM = 128;

    /** Launches of dispatch and combine, which are in the time of a layer of experts. */
    private static final double BESIDE_EXPERTS = 2e-6;

    /** Unless a table has another: the weight of a measured curve is the inverse of its distance to this power. */
    private static final double DISTANCE_POWER = 2;

    private final String name;
    private final Map<Kind, KernelTable> tables;
    private final @Nullable ExpertTable experts;
    private final @Nullable SingleRows singleRows;
    /** Roofline that the factors of products are of, and the law that their table is relative to instead, if any. */
    private final @Nullable Roofline base;

    private final @Nullable ProductLaw products;

    /** What one table is of, beside that of experts. */
    enum Kind implements Identified {
        /** Sequences and positions divide among a device's cores alike. */
        DECODE_ATTENTION(0, true), PRODUCT(3, false);

        /** Weight of the fit beside measured shapes: products of other sizes have tiles of their own. */
        private final double fit;
        private final boolean fill;

        Kind(double fit, boolean fill) {
            this.fit = fit;
            this.fill = fill;
        }

        @Override
        public String id() {
            return Identified.super.id().replace('_', '-');
        }
    }

    private KernelTables(
            String name, Map<Kind, KernelTable> tables, @Nullable ExpertTable experts,
            @Nullable SingleRows singleRows, @Nullable Roofline base, @Nullable ProductLaw products) {
        this.name = name;
        this.tables = tables;
        this.experts = experts;
        this.singleRows = singleRows;
        this.base = base;
        this.products = products;
    }

    /**
     * Tables of a system.
     *
     * @param name one of {@link #NAMES}
     * @param roofline fits that the times are compared with
     */
    static KernelTables named(String name, Roofline roofline) {
        Map<Kind, List<KernelTable.Curve>> curves = new EnumMap<>(Kind.class);
        Map<Configuration, KernelFit> fits = new EnumMap<>(Configuration.class);
        List<ExpertTable.Curve> experts = new ArrayList<>();
        SingleRows.Law law = null;
        ProductLaw products = null;
        double distancePower = DISTANCE_POWER;
        Map<Integer, Map<Integer, Double>> singleRows = new TreeMap<>();
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                KernelTables.class.getResourceAsStream(name + "-kernels.csv"), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] cells = line.split(",", -1);
                if (cells[0].equals("experts-fit")) {
                    fits.put(named(Configuration.values(), cells[1]), new KernelFit(Double.parseDouble(cells[2]) / 1e6,
                            Double.parseDouble(cells[3]), Double.parseDouble(cells[4]), Double.parseDouble(cells[5])));
                } else if (cells[0].equals("distance-power")) {
                    distancePower = Double.parseDouble(cells[1]);
                } else if (cells[0].equals("product-fit")) {
                    products = new ProductLaw(
                            new KernelFit(Double.parseDouble(cells[1]) / 1e6, Double.parseDouble(cells[2]),
                                    Double.parseDouble(cells[3]), Double.parseDouble(cells[4])),
                            Double.parseDouble(cells[5]), Double.parseDouble(cells[6]));
                } else if (cells[0].equals("single-row-fit")) {
                    law = new SingleRows.Law(Double.parseDouble(cells[1]) / 1e6, Double.parseDouble(cells[2]) / 1e6,
                            Double.parseDouble(cells[3]));
                } else if (cells[0].startsWith("experts-")) {
                    experts.add(experts(cells, roofline, fits));
                } else if (!line.startsWith("#")) {
                    Kind kind = named(Kind.values(), cells[0]);
                    NavigableMap<Integer, Double> times = points(cells[4]);
                    if (law != null && kind == Kind.PRODUCT) {
                        // One row has a kernel of its own, which says nothing of those for more.
                        singleRows.computeIfAbsent(Integer.parseInt(cells[2]), k -> new TreeMap<>())
                                .put(Integer.parseInt(cells[1]), Objects.requireNonNull(
                                        times.remove(1), "a product was measured with one row"));
                    }
                    curves.computeIfAbsent(kind, k -> new ArrayList<>())
                            .add(curve(kind, cells, times, roofline, products));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<Kind, KernelTable> tables = new EnumMap<>(Kind.class);
        double weight = products == null ? Kind.PRODUCT.fit : products.weight();
        curves.forEach((kind, of) -> tables.put(
                kind, new KernelTable(of, kind == Kind.PRODUCT ? weight : kind.fit, kind.fill)));
        return new KernelTables(name, tables, new ExpertTable(roofline, fits, experts, distancePower),
                law == null ? null : new SingleRows(roofline, law, singleRows), roofline, products);
    }

    private static <C extends Identified> C named(C[] constants, String id) {
        return Identified.of(constants, id).orElseThrow(() -> new IllegalArgumentException(id));
    }

    private static ExpertTable.Curve experts(
            String[] cells, Roofline roofline, Map<Configuration, KernelFit> fits) {
        int held = Integer.parseInt(cells[3]);
        ExpertBank like = new ExpertBank(
                held, held, held, Integer.parseInt(cells[4]), Integer.parseInt(cells[1]), Integer.parseInt(cells[2]));
        Map<Integer, Double> seconds = new TreeMap<>();
        points(cells[5]).forEach((pairs, time) -> seconds.put(pairs, time - besideExperts(like, pairs, roofline)));
        return ExpertTable.curve(
                roofline, fits, named(Configuration.values(), cells[0].substring("experts-".length())), like, seconds);
    }

    /** Of the time of a layer of experts, what dispatch and combine take as tasks of their own. */
    private static double besideExperts(ExpertBank like, int pairs, Roofline roofline) {
        int rows = Math.ceilDiv(pairs, like.perRow());
        OpCost sums = Combine.cost(rows, pairs, like.perRow(), like.hidden(), false);
        return BESIDE_EXPERTS + roofline.workSeconds(Operation.COMBINE, (double) sums.bytes(2), (double) sums.flops());
    }

    /** Seconds by size. */
    private static NavigableMap<Integer, Double> points(String cell) {
        NavigableMap<Integer, Double> points = new TreeMap<>();
        for (String point : cell.split(" ", -1)) {
            int colon = point.indexOf(':');
            points.put(
                    Integer.parseInt(point.substring(0, colon)), Double.parseDouble(point.substring(colon + 1)) / 1e6);
        }
        return points;
    }

    private static KernelTable.Curve curve(
            Kind kind, String[] cells, Map<Integer, Double> times, Roofline roofline, @Nullable ProductLaw law) {
        int[] key = {Integer.parseInt(cells[1]), Integer.parseInt(cells[2]), Integer.parseInt(cells[3])};
        TreeMap<Double, Double> factors = new TreeMap<>();
        times.forEach((size, seconds) -> factors.put((double) size, seconds / switch (kind) {
            case DECODE_ATTENTION -> fitted(
                    roofline, Operation.DECODE_ATTENTION,
                    DecodeAttention.cost(DataType.BF16, key[0], (long) key[0] * size, key[1], 1, HEAD_DIM));
            case PRODUCT -> law != null
                    ? law.seconds(roofline, size, key[0], key[1])
                    : fitted(roofline, Operation.PROJECTION, Projection.cost(size, key[0], key[1], DataType.BF16));
        }));
        return KernelTable.Curve.of(new double[] {key[0], key[1], key[2]}, factors);
    }

    private static double fitted(Roofline roofline, Operation operation, OpCost cost) {
        double bytes = cost.bytes(2);
        double flops = cost.flops();
        return roofline.fixedSeconds(operation) + roofline.workSeconds(operation, bytes, flops);
    }

    /** {@return the name of the tables, empty if there are none} */
    public String name() {
        return name;
    }

    /**
     * {@return the least of the factors of an operation, whatever its shape; 1 where nothing was measured}
     *
     * @param operation the operation
     */
    double leastFactor(Operation operation) {
        if (tables.isEmpty()) {
            return 1;
        }
        return switch (operation) {
            // A shared expert has no table.
            case EXPERT_UP, EXPERT_DOWN -> Math.min(1, experts().least());
            case DECODE_ATTENTION -> Math.min(1, least(Kind.DECODE_ATTENTION));
            case QKV_PROJECTION, PROJECTION, ROUTER -> Math.min(
                    singleRows == null ? 1 : Math.min(1, singleRows.least()),
                    least(Kind.PRODUCT) * (products == null ? 1 : products.least(Objects.requireNonNull(base))));
            default -> 1;
        };
    }

    private double least(Kind kind) {
        return table(kind).least();
    }

    /** The table of experts. */
    ExpertTable experts() {
        return Objects.requireNonNull(experts, "a system's tables are of all kinds");
    }

    /** The table of products of one row, where they have a kernel of their own. */
    @Nullable
    SingleRows singleRows() {
        return singleRows;
    }

    /** The table of one kind of operation. */
    KernelTable table(Kind kind) {
        return Objects.requireNonNull(tables.get(kind), "a system's tables are of all kinds");
    }

    /**
     * {@return measured time of a task ÷ that of its fit; 1 where nothing was measured}
     *
     * @param shape shape of the task
     */
    double factor(OperationCost.Shape shape) {
        if (tables.isEmpty()) {
            return 1;
        }
        return switch (shape) {
            case OperationCost.Other other -> 1;
            case OperationCost.Product p -> p.rows() == 0
                    ? 1
                    : p.rows() == 1 && singleRows != null
                            ? singleRows.factor(p.outputs(), p.inputs())
                            : productFactor(p);
            case OperationCost.Attention a -> a.lanes() == 0 || a.positions() < 1
                    ? 1
                    : table(Kind.DECODE_ATTENTION).factor(new double[] {a.lanes(), a.group(), 1}, a.positions());
            case ExpertBank e -> e.pairs() == 0 ? 1 : experts().factor(e);
        };
    }

    private double productFactor(OperationCost.Product p) {
        double factor = table(Kind.PRODUCT).factor(new double[] {p.outputs(), p.inputs(), 1}, p.rows());
        return products == null
                ? factor
                : factor * products.factor(Objects.requireNonNull(base), p.rows(), p.outputs(), p.inputs());
    }
}
