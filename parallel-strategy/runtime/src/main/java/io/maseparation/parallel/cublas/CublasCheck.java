package io.maseparation.parallel.cublas;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.operations.GraphClock;
import io.maseparation.kernels.operations.LibraryTasks;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.DevicePeak;
import io.maseparation.moe.segments.MultiplicationProbe;
import io.maseparation.moe.segments.MultiplicationProbe.Way;
import io.maseparation.moe.segments.ProbeMatrices;
import io.maseparation.parallel.run.RunFailedException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * How long products with fp16 weights take the kernels here and cuBLAS, alternately in one process, and whether both
 * compute what they should.
 *
 * <p>A product's time is that of a CUDA graph of many, divided by their number, from event to event in it
 * ({@link GraphClock}). The host's clock would do for neither: what TornadoVM does on the host to launch a graph grows
 * with its tasks, and kernels here have several for a product. Nor would TornadoVM's profiler: it cannot look into a
 * CUDA graph, and times tasks of libraries on the host, with waiting on both sides of each.
 */
public final class CublasCheck {
    private static final String LIBRARY = "ma/cublas";
    private static final Way CUBLAS_WAY = new Way(LIBRARY, CublasTasks.MULTIPLY);
    private static final List<Integer> ROWS = List.of(1, 8, 24, 64, 128, 256, 2048);
    private static final int PRODUCTS = 24;
    /** Bytes of weights that take turns: some eight times the largest cache of a GPU for which there are kernels. */
    private static final long ROTATED_BYTES = 400L << 20;
    /** Fewer would stay in the cache in part. */
    private static final long LEAST_BYTES = 200L << 20;

    private static final int WARM_UPS = 3;
    private static final int LEAST_ROUNDS = 11;
    private static final int MOST_ROUNDS = 101;
    private static final double MICROS_OF_ROUNDS = 1e6;
    /** In root mean squares: sums in fp32 of which tensor cores cut off low bits, as libraries and kernels do. */
    private static final double SUM_TOLERANCE = 1e-3;
    /** The same between x in fp16 and in what holds 22 bits, for the worst of a hundred million elements. */
    private static final double ROUNDING_TOLERANCE = 1e-2;

    private CublasCheck() {}

    /**
     * A weight matrix.
     *
     * @param name of it
     * @param outputs rows
     * @param cols columns
     */
    public record Shape(String name, int outputs, int cols) {
        /** {@return bytes of it in fp16} */
        public long bytes() {
            return 2L * outputs * cols;
        }
    }

    /**
     * Microseconds of a product, p50.
     *
     * @param f16 of the kernels with x in fp16
     * @param accurate of the kernels with x in two fp16 numbers
     * @param cublas of cuBLAS with x in fp16
     */
    public record Times(double f16, double accurate, double cublas) {
        static final Times NONE = new Times(Double.NaN, Double.NaN, Double.NaN);
    }

    /**
     * Largest differences, in root mean squares of a result.
     *
     * @param f16 of some elements from float64, with x as it was rounded
     * @param accurate of some elements from float64
     * @param cublas of some elements from float64, with x as it was rounded
     * @param between of all elements of the kernels with x in fp16 from cuBLAS
     */
    public record Errors(double f16, double accurate, double cublas, double between) {
        static final Errors NONE = new Errors(Double.NaN, Double.NaN, Double.NaN, Double.NaN);
    }

    /**
     * What was found of a shape and a number of rows.
     *
     * @param shape the weights
     * @param rows rows of x
     * @param copies matrices that took turns
     * @param times of each
     * @param errors of each
     * @param failure what went wrong, if anything did
     */
    public record Outcome(
            Shape shape, int rows, int copies, Times times, Errors errors, Optional<String> failure) {
        /** {@return bytes that a product must move: weights, x in fp16, and the result in fp32} */
        public long bytes() {
            return shape.bytes() + 2L * rows * shape.cols + 4L * rows * shape.outputs;
        }

        /** {@return operations of a product} */
        public double flops() {
            return 2.0 * rows * shape.outputs * shape.cols;
        }
    }

    /**
     * What was found.
     *
     * @param version of cuBLAS
     * @param copyBytesPerSecond bytes read and written by a copy inside the device's memory
     * @param outcomes of each shape and number of rows
     */
    public record Findings(String version, double copyBytesPerSecond, List<Outcome> outcomes) {
        /** Copies the list. */
        public Findings {
            outcomes = List.copyOf(outcomes);
        }
    }

    /**
     * {@return number of outcomes}
     *
     * @param shapes number of shapes
     */
    public static int count(int shapes) {
        return shapes * ROWS.size();
    }

    /** {@return how many matrices of a shape take turns} */
    static int copies(Shape shape) {
        return Math.clamp(Math.ceilDiv(ROTATED_BYTES, shape.bytes()), 2, PRODUCTS);
    }

    /**
     * Measures on a device of TornadoVM's CUDA backend, before anything else runs on it.
     *
     * @param device where to run
     * @param shapes the weights
     * @param done told after each outcome how many there are
     * @return what was found
     * @throws RunFailedException if there is no cuBLAS, or it does not start
     * @throws ModelException if the device cannot do such tasks, or a matrix is so small that it stays in a cache
     */
    public static Findings run(Device device, List<Shape> shapes, IntConsumer done) {
        require(device, shapes);
        // Where NVIDIA's libraries work; they take it from the thread.
        device.usePrimaryContext();
        List<Outcome> outcomes = new ArrayList<>();
        try (Cublas cublas = Cublas.open();
                GraphClock clock = new GraphClock();
                LibraryTasks.Registration _ = LibraryTasks.register(LIBRARY, new CublasTasks(cublas))) {
            for (Shape shape : shapes) {
                ProbeMatrices matrices = new ProbeMatrices(shape.outputs(), shape.cols(), copies(shape));
                for (int rows : ROWS) {
                    outcomes.add(outcome(device, clock, new Case(shape, matrices, rows)));
                    done.accept(outcomes.size());
                }
            }
            // Last, since it switches TornadoVM's profiler on.
            return new Findings(cublas.version(), DevicePeak.measure(device).bytesPerSecond(), outcomes);
        } catch (LinkageError e) {
            throw new ModelException("TornadoVM is not as a library's tasks need it: " + e.getMessage(), e);
        }
    }

    private static void require(Device device, List<Shape> shapes) {
        if (!device.target().sharesSources()) {
            throw new ModelException("it works on arrays of TornadoVM's CUDA backend, and the backend here is %s"
                    .formatted(device.backend()));
        }
        refusal(device.multipliesOnTensorCores(), shapes).ifPresent(why -> {
            throw new ModelException(why);
        });
    }

    /** Why shapes cannot be measured on a device of the right backend, if they cannot. */
    static Optional<String> refusal(boolean tensorCores, List<Shape> shapes) {
        if (!tensorCores) {
            return Optional.of("the kernels beside it are those of tensor cores, and others were asked for");
        }
        Optional<Shape> large = shapes.stream()
                .filter(shape -> copies(shape) * (shape.bytes() / 2) + (1 << 16) > Integer.MAX_VALUE)
                .findFirst();
        if (large.isPresent()) {
            return large.map(shape -> "%d matrices of %d x %d (%s) are more than an array holds; name another model"
                    .formatted(copies(shape), shape.outputs(), shape.cols(), shape.name()));
        }
        return shapes.stream()
                .filter(shape -> PRODUCTS * shape.bytes() < LEAST_BYTES)
                .findFirst()
                .map(shape -> "%d matrices of %d x %d (%s) would stay in the device's cache; name a larger model"
                        .formatted(PRODUCTS, shape.outputs(), shape.cols(), shape.name()));
    }

    /** What is measured at a time. */
    private record Case(Shape shape, ProbeMatrices matrices, int rows) {
        Outcome outcome(Times times, Errors errors, Optional<String> failure) {
            return new Outcome(shape, rows, matrices.copies(), times, errors, failure);
        }

        MultiplicationProbe probe(Device device, Way way, int products, Optional<GraphClock> clock) {
            return new MultiplicationProbe(device, matrices, rows, way, products, clock);
        }
    }

    private static Outcome outcome(Device device, GraphClock clock, Case of) {
        try {
            // A library loads its kernels when they are first needed, and not well while a graph is captured.
            try (MultiplicationProbe first = of.probe(device, CUBLAS_WAY, 1, Optional.empty())) {
                double error = first.result().error();
                if (!(error <= SUM_TOLERANCE)) {
                    return of.outcome(Times.NONE, Errors.NONE,
                            Optional.of("cuBLAS is off by %.1e without a CUDA graph".formatted(error)));
                }
            }
            try (Probes probes = new Probes(device, clock, of)) {
                // What is wrong need not be measured.
                Errors errors = probes.errors();
                Optional<String> failure = failure(errors);
                return of.outcome(failure.isPresent() ? Times.NONE : probes.times(), errors, failure);
            }
        } catch (RuntimeException e) {
            return of.outcome(Times.NONE, Errors.NONE, Optional.of(String.valueOf(e.getMessage())));
        }
    }

    /** What is wrong about errors, if anything is; what is no number is wrong. */
    static Optional<String> failure(Errors errors) {
        if (!(errors.f16 <= SUM_TOLERANCE)) {
            return Optional.of("kernels with x in fp16 are off by %.1e".formatted(errors.f16));
        }
        if (!(errors.accurate <= SUM_TOLERANCE)) {
            return Optional.of("kernels are off by %.1e".formatted(errors.accurate));
        }
        if (!(errors.cublas <= SUM_TOLERANCE)) {
            return Optional.of("cuBLAS is off by %.1e".formatted(errors.cublas));
        }
        return errors.between <= SUM_TOLERANCE
                ? Optional.empty()
                : Optional.of("kernels and cuBLAS differ by %.1e".formatted(errors.between));
    }

    /** Graphs of many products, each way. */
    private static final class Probes implements AutoCloseable {
        private static final int F16 = 0;
        private static final int ACCURATE = 1;
        private static final int CUBLAS = 2;

        private final List<MultiplicationProbe> probes = new ArrayList<>();

        Probes(Device device, GraphClock clock, Case of) {
            Optional<GraphClock> clocked = Optional.of(clock);
            try {
                probes.add(of.probe(device.withF16Activations(), Way.KERNELS, PRODUCTS, clocked));
                probes.add(of.probe(device, Way.KERNELS, PRODUCTS, clocked));
                probes.add(of.probe(device, CUBLAS_WAY, PRODUCTS, clocked));
            } catch (RuntimeException | Error e) {
                close();
                throw e;
            }
        }

        Errors errors() {
            MultiplicationProbe.Result f16 = probes.get(F16).result();
            MultiplicationProbe.Result accurate = probes.get(ACCURATE).result();
            MultiplicationProbe.Result cublas = probes.get(CUBLAS).result();
            double rounding = cublas.difference(accurate);
            if (!(rounding <= ROUNDING_TOLERANCE)) {
                throw new ModelException("kernels and cuBLAS differ by %.1e".formatted(rounding));
            }
            return new Errors(f16.error(), accurate.error(), cublas.error(), cublas.difference(f16));
        }

        Times times() {
            double round = 0;
            for (int i = 0; i < WARM_UPS; i++) {
                round = probes.stream().mapToDouble(MultiplicationProbe::micros).sum();
            }
            int rounds = (int) Math.clamp(MICROS_OF_ROUNDS / round, LEAST_ROUNDS, MOST_ROUNDS);
            double[][] micros = new double[probes.size()][rounds];
            for (int i = 0; i < rounds; i++) {
                for (int way = 0; way < micros.length; way++) {
                    micros[way][i] = probes.get(way).micros() / PRODUCTS;
                }
            }
            return new Times(median(micros[F16]), median(micros[ACCURATE]), median(micros[CUBLAS]));
        }

        private static double median(double[] values) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            return sorted[sorted.length / 2];
        }

        /** One after the other, even where one cannot be freed. */
        @Override
        public void close() {
            RuntimeException failure = null;
            for (MultiplicationProbe probe : probes) {
                try {
                    probe.close();
                } catch (RuntimeException e) {
                    failure = e;
                }
            }
            if (failure != null) {
                throw failure;
            }
        }
    }
}
