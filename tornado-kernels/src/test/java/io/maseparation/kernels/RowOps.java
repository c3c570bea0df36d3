package io.maseparation.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Runs one operation the way an application does, and compares. */
final class RowOps {
    private RowOps() {}

    /** A fresh seed; every failure message carries it. */
    static long seed() {
        return System.nanoTime();
    }

    static Random random(long seed) {
        return new Random(seed);
    }

    /** Executes a graph of what {@code op} adds, with {@code arrays} going to the device and coming back. */
    static void run(Body body, Consumer<KernelGraph> op, Object... arrays) {
        run(KernelTarget.embeddedDevice().withBody(body), op, arrays);
    }

    static void run(KernelTarget target, Consumer<KernelGraph> op, Object... arrays) {
        GridScheduler grid = new GridScheduler();
        KernelGraph g = new KernelGraph("test", target, grid);
        g.input(arrays);
        op.accept(g);
        g.output(arrays);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(g.build())) {
            strictDevice().ifPresent(plan::withDevice);
            if (grid.keySet().isEmpty()) {
                plan.execute();
            } else {
                plan.withGridScheduler(grid).execute();
            }
        } catch (TornadoExecutionPlanException e) {
            throw new AssertionError(e);
        }
    }

    /** The embedded runtime's device that keeps its memory apart, so that a missing transfer fails; none on TornadoVM. */
    private static Optional<TornadoDevice> strictDevice() {
        try {
            Object devices = Class.forName("io.maseparation.tornado.embedded.EmbeddedDevices")
                    .getMethod("strict", int.class)
                    .invoke(null, 1);
            return Optional.of((TornadoDevice) ((List<?>) devices).getFirst());
        } catch (ClassNotFoundException e) {
            return Optional.empty();
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    static IntArray step(int first, int count, int phase) {
        return IntArray.fromElements(first, count, phase);
    }

    static FloatArray copy(FloatArray a) {
        FloatArray c = new FloatArray(a.getSize());
        for (int i = 0; i < a.getSize(); i++) {
            c.set(i, a.get(i));
        }
        return c;
    }

    static void assertClose(String what, FloatArray actual, int index, double expected, double tolerance) {
        if (!(Math.abs(actual.get(index) - expected) <= tolerance)) {
            assertThat((double) actual.get(index))
                    .as("%s, element %d", what, index)
                    .isCloseTo(expected, org.assertj.core.data.Offset.offset(tolerance));
        }
    }

    /** Elements [from, to) have the same bits. */
    static void assertSameBits(String what, FloatArray actual, FloatArray expected, int from, int to) {
        for (int i = from; i < to; i++) {
            if (Float.floatToRawIntBits(actual.get(i)) != Float.floatToRawIntBits(expected.get(i))) {
                assertThat(actual.get(i)).as("%s, element %d", what, i).isEqualTo(expected.get(i));
            }
        }
    }
}
