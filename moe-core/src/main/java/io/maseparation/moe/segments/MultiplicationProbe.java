package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.operations.GraphClock;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.LibraryTasks;
import io.maseparation.kernels.operations.Projection;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A graph of products one after the other, each with the next of several weight matrices: by {@link Projection}, or by
 * a library's task. Two arrays x take turns, so that each product packs its own.
 */
public final class MultiplicationProbe implements AutoCloseable {
    /** What a library may use beside its operands, and what it takes to begin where it likes to. */
    public static final int WORKSPACE_BYTES = (32 << 20) + 256;

    private static final int X = 2;
    /** Elements that are held against float64. */
    private static final int SAMPLED = 97;

    private final ProbeMatrices matrices;
    private final int rows;
    private final int products;
    private final boolean rounded;
    private final int lead;
    private final FloatArray out;
    private final Optional<GraphClock> clock;
    private final Precompilation compilation;
    private final TornadoExecutionPlan plan;

    /**
     * What multiplies.
     *
     * @param library name of the library; empty for the device's kernels
     * @param function its function, of (w, x, out, workspace, elements before the first of w, of x and of out, and the
     *     numbers of a {@link ColumnMajorProduct})
     */
    public record Way(String library, String function) {
        /** The kernels of {@link Projection}. */
        public static final Way KERNELS = new Way("", "");
    }

    /**
     * Builds the graph.
     *
     * @param device where to run
     * @param matrices the weights
     * @param rows rows of x
     * @param way what multiplies
     * @param products number of products
     * @param clock times the products, and the graph is launched as one CUDA graph; empty for the host's clock, and no
     *     CUDA graph
     */
    public MultiplicationProbe(
            Device device, ProbeMatrices matrices, int rows, Way way, int products, Optional<GraphClock> clock) {
        this.clock = clock;
        this.matrices = matrices;
        this.rows = rows;
        this.products = products;
        boolean library = !way.library().isEmpty();
        rounded = library || (device.target().f16Activations() && device.multipliesOnTensorCores());
        lead = library ? ProbeMatrices.lead(DataType.F32) : 0;
        out = DeviceArrays.floats(Math.addExact(lead, Math.multiplyExact(rows, matrices.outputs())));
        GridScheduler grid = new GridScheduler();
        KernelGraph graph = new KernelGraph("products", device.target(), grid);
        clock.ifPresent(c -> c.begin(graph, out));
        if (library) {
            addLibrary(graph, way);
        } else {
            addKernels(graph);
        }
        clock.ifPresent(c -> c.end(graph, out));
        graph.outputOnDemand(out);
        plan = new TornadoExecutionPlan(graph.build());
        compilation = new Precompilation(device, grid);
        try {
            compilation.run(List.of(graph));
            compilation.install(List.of(graph), plan);
            if (clock.isPresent()) {
                plan.withCUDAGraph();
            }
        } catch (RuntimeException | Error e) {
            // What is on the device would stay there, beside the next one.
            try {
                close();
            } catch (RuntimeException | Error alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
    }

    private void addKernels(KernelGraph graph) {
        IntArray step = DeviceArrays.copyOf(0, rows, 0);
        FloatArray[] x =
                IntStream.range(0, X).mapToObj(which -> matrices.x(which, rows)).toArray(FloatArray[]::new);
        graph.constant(step);
        graph.constant((Object[]) x);
        for (int i = 0; i < products; i++) {
            Projection.add(
                    graph, "product" + i, step, x[i % X], matrices.matrix(copy(i)), null, out, 1f, false);
        }
    }

    private void addLibrary(KernelGraph graph, Way way) {
        HalfFloatArray[] x = IntStream.range(0, X)
                .mapToObj(which -> matrices.halves(which, rows))
                .toArray(HalfFloatArray[]::new);
        IntArray workspace = DeviceArrays.ints(WORKSPACE_BYTES / Integer.BYTES);
        int cols = matrices.cols();
        int outputs = matrices.outputs();
        ColumnMajorProduct product = ColumnMajorProduct.ofRows(rows, outputs, cols, cols, cols, outputs);
        graph.constant(matrices.aligned());
        graph.constant((Object[]) x);
        graph.workspace(workspace);
        int xLead = ProbeMatrices.lead(DataType.F16);
        for (int i = 0; i < products; i++) {
            String id = "product" + i;
            Object[] arguments = Stream.concat(
                    Stream.of(matrices.aligned(), x[i % X], out, workspace, matrices.place(copy(i)), xLead, lead),
                    Stream.of(product.numbers())).toArray();
            graph.task(id, g -> LibraryTasks.add(g, id, way.library(), way.function(), 2, arguments));
        }
    }

    private int copy(int product) {
        return product % matrices.copies();
    }

    /** {@return microseconds of all products, on the device or, without a clock, as the host sees them} */
    public double micros() {
        long start = System.nanoTime();
        execute();
        double host = (System.nanoTime() - start) / 1e3;
        return clock.map(GraphClock::micros).orElse(host);
    }

    private TornadoExecutionResult execute() {
        return plan.withGraph(0).execute();
    }

    /**
     * Runs the graph, and looks at what the last product left.
     *
     * @return what it computed
     * @throws ModelException if nothing came, or what is no number
     */
    public Result result() {
        for (int i = 0; i < out.getSize(); i++) {
            out.set(i, Float.NaN);
        }
        execute().transferToHost(out);
        double squares = 0;
        for (int i = 0; i < size(); i++) {
            float value = out.get(lead + i);
            if (!Float.isFinite(value)) {
                throw new ModelException("element %d of %d is %s".formatted(i, size(), value));
            }
            squares += (double) value * value;
        }
        double unit = Math.sqrt(squares / size());
        double error = 0;
        int last = products - 1;
        for (int i = 0; i < SAMPLED; i++) {
            // The first, the last, and some between in rows and columns of all sorts.
            int at = (int) ((long) i * (size() - 1) / (SAMPLED - 1));
            int row = at / matrices.outputs();
            int output = at % matrices.outputs();
            double exact = matrices.exact(copy(last), last % X, row, output, rounded);
            error = Math.max(error, Math.abs(out.get(lead + at) - exact) / unit);
        }
        return new Result(out, lead, size(), unit, error);
    }

    private int size() {
        return rows * matrices.outputs();
    }

    /** What a graph computed; valid until it runs again. */
    public static final class Result {
        private final FloatArray values;
        private final int from;
        private final int size;
        private final double unit;
        private final double error;

        private Result(FloatArray values, int from, int size, double unit, double error) {
            this.values = values;
            this.from = from;
            this.size = size;
            this.unit = unit;
            this.error = error;
        }

        /** Largest difference from float64 of some elements, in root mean squares of all; infinite if all are 0. */
        public double error() {
            return error;
        }

        /** Largest difference from another result of as many elements, in root mean squares of this one. */
        public double difference(Result other) {
            if (other.size != size) {
                throw new IllegalArgumentException("%d elements and %d".formatted(size, other.size));
            }
            double largest = 0;
            for (int i = 0; i < size; i++) {
                float difference = values.getSegment().getAtIndex(ValueLayout.JAVA_FLOAT, from + i)
                        - other.values.getSegment().getAtIndex(ValueLayout.JAVA_FLOAT, other.from + i);
                largest = Math.max(largest, Math.abs(difference));
            }
            return largest / unit;
        }
    }

    /** Frees the device's memory. */
    @Override
    public void close() {
        try {
            plan.close();
        } catch (TornadoExecutionPlanException e) {
            throw new ModelException("device memory could not be freed: " + e.getMessage(), e);
        } finally {
            compilation.close();
        }
    }
}
