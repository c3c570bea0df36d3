package io.maseparation.kernels;

import java.util.List;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What the tests of operations with weight matrices share. */
final class DenseOps {
    /** Rounding of one fp32 operation. */
    static final double EPS = 0x1p-24;

    /** Lengths that are no multiple of a vector, a warp, a chunk or a tile; and some that are. */
    static final int[] LENGTHS = {1, 13, 64, 207, 1024, 4098};

    private DenseOps() {}

    /**
     * Bound on the error of a sum of n products of numbers below 1 in magnitude, in whatever order: Higham's
     * γ(n) · Σ|a·b| taken at a sixteenth, since rounding errors cancel, and never below a few roundings of one number.
     */
    static double tolerance(int n) {
        return EPS * (8 + n / 16.0 * Math.sqrt(n));
    }

    /**
     * Executes a graph of what {@code op} adds. The device keeps its own copies where the runtime offers such a device,
     * so that weights arrive only if the operation declared them.
     *
     * @param io arrays that go to the device and come back
     */
    static void run(Body body, Consumer<KernelGraph> op, Object... io) {
        GridScheduler grid = new GridScheduler();
        KernelGraph g =
                new KernelGraph("test", KernelTarget.embeddedDevice().withBody(body), grid);
        op.accept(g);
        g.input(io);
        g.output(io);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(g.build())) {
            TornadoDevice strict = strictDevice();
            if (strict != null) {
                plan.withDevice(strict);
            }
            if (!grid.keySet().isEmpty()) {
                plan.withGridScheduler(grid);
            }
            plan.execute();
        } catch (TornadoExecutionPlanException e) {
            throw new AssertionError(e);
        }
    }

    /** By reflection, since an SDK's runtime has no such class. */
    private static TornadoDevice strictDevice() {
        try {
            Object devices = Class.forName("io.maseparation.tornado.embedded.EmbeddedDevices")
                    .getMethod("strict", int.class)
                    .invoke(null, 1);
            return (TornadoDevice) ((List<?>) devices).getFirst();
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    /** Σ m[r,k] · x[xAt + k] in float64. */
    static double dot(WeightMatrix m, int r, FloatArray x, int xAt) {
        double sum = 0;
        for (int k = 0; k < m.cols(); k++) {
            sum += TestArrays.at(m, r, k) * x.get(xAt + k);
        }
        return sum;
    }

    /** {@link Activation} in float64. */
    static double activate(Activation a, double v) {
        return switch (a) {
            case SILU -> v / (1 + Math.exp(-v));
            case GELU_TANH -> 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
            case RELU -> Math.max(v, 0);
        };
    }
}
