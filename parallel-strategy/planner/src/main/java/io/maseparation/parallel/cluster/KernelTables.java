package io.maseparation.parallel.cluster;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.kernels.operations.Projection;
import io.maseparation.moe.segments.OperationCost;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Measured times of kernels by operation and shape: experts by width and rows, decode attention by rows, heads and
 * context, products by their sizes. They are kept as factors of the fits, which scale with the device's rates.
 */
public final class KernelTables {
    /** Nothing measured. */
    public static final KernelTables NONE = new KernelTables("", Map.of());

    /** Names of tables, which are those of the systems measured. */
    static final List<String> NAMES = List.of("a100", "h100", "h200");

    private static final int HEAD_DIM = 128;

    /** Of a layer of experts, what its dispatch and combine take; the fits are of what is left. */
    private static final double BESIDE_EXPERTS = 2e-6;

    private final String name;
    private final Map<Kind, KernelTable> tables;

    /** What one table is of. */
    enum Kind {
        EXPERTS, DECODE_ATTENTION, PRODUCT;

        String id() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        static Kind of(String id) {
            for (Kind kind : values()) {
                if (kind.id().equals(id)) {
                    return kind;
                }
            }
            throw new IllegalArgumentException(id);
        }
    }

    private KernelTables(String name, Map<Kind, KernelTable> tables) {
        this.name = name;
        this.tables = tables;
    }

    /**
     * Tables of a system.
     *
     * @param name one of {@link #NAMES}
     * @param roofline fits that the times are compared with
     */
    static KernelTables named(String name, Roofline roofline) {
        Map<Kind, List<KernelTable.Curve>> curves = new EnumMap<>(Kind.class);
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                KernelTables.class.getResourceAsStream(name + "-kernels.csv"), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (!line.startsWith("#")) {
                    String[] cells = line.split(",", -1);
                    Kind kind = Kind.of(cells[0]);
                    curves.computeIfAbsent(kind, k -> new ArrayList<>()).add(curve(kind, cells, roofline));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<Kind, KernelTable> tables = new EnumMap<>(Kind.class);
        curves.forEach((kind, of) -> tables.put(kind, new KernelTable(of)));
        return new KernelTables(name, tables);
    }

    private static KernelTable.Curve curve(Kind kind, String[] cells, Roofline roofline) {
        int[] key = {Integer.parseInt(cells[1]), Integer.parseInt(cells[2]), Integer.parseInt(cells[3])};
        TreeMap<Double, Double> factors = new TreeMap<>();
        for (String point : cells[4].split(" ", -1)) {
            int colon = point.indexOf(':');
            int size = Integer.parseInt(point.substring(0, colon));
            double seconds = Double.parseDouble(point.substring(colon + 1)) / 1e6;
            switch (kind) {
                case EXPERTS -> factors.put((double) size / key[2], (seconds - BESIDE_EXPERTS)
                        / experts(roofline, size, Math.min(size, key[2]), key[0], key[1]));
                case DECODE_ATTENTION -> factors.put((double) size, seconds / fitted(
                        roofline, Operation.DECODE_ATTENTION,
                        DecodeAttention.cost(
                                DataType.BF16, key[0], (long) key[0] * size, key[1], 1, HEAD_DIM)));
                case PRODUCT -> factors.put((double) size, seconds / fitted(
                        roofline, Operation.PROJECTION, Projection.cost(size, key[0], key[1], DataType.BF16)));
            }
        }
        return KernelTable.Curve.of(new double[] {key[0], key[1], key[2]}, factors);
    }

    private static double experts(Roofline roofline, int pairs, int active, int width, int hidden) {
        return fitted(roofline, Operation.EXPERT_UP,
                ExpertUp.cost(pairs, active, width, hidden, true, DataType.BF16))
                + fitted(roofline, Operation.EXPERT_DOWN,
                        ExpertDown.cost(pairs, active, width, hidden, DataType.BF16));
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
            case EXPERT_UP, EXPERT_DOWN -> Math.min(1, least(Kind.EXPERTS));
            case DECODE_ATTENTION -> Math.min(1, least(Kind.DECODE_ATTENTION));
            case QKV_PROJECTION, PROJECTION, ROUTER -> Math.min(1, least(Kind.PRODUCT));
            default -> 1;
        };
    }

    private double least(Kind kind) {
        return table(kind).least();
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
                    : table(Kind.PRODUCT).factor(new double[] {p.outputs(), p.inputs(), 1}, p.rows());
            case OperationCost.Attention a -> a.lanes() == 0 || a.positions() < 1
                    ? 1
                    : table(Kind.DECODE_ATTENTION).factor(new double[] {a.lanes(), a.group(), 1}, a.positions());
            case OperationCost.ExpertBank e -> e.pairs() == 0
                    ? 1
                    : table(Kind.EXPERTS)
                            .factor(new double[] {e.width(), e.hidden(), e.held()}, (double) e.pairs() / e.held());
        };
    }
}
