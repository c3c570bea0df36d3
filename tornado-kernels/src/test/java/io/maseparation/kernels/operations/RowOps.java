package io.maseparation.kernels.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Runs one operation the way an application does, and compares. */
public final class RowOps {
    private RowOps() {}

    /** A fresh seed; every failure message carries it. */
    public static long seed() {
        return System.nanoTime();
    }

    public static Random random(long seed) {
        return new Random(seed);
    }

    /**
     * Executes a graph of what {@code op} adds, with {@code arrays} going to the device and coming back. Skips the test
     * where the device cannot run that body or read those weights.
     */
    static void run(Body body, Consumer<KernelGraph> op, Object... arrays) {
        TornadoDevice device = device();
        KernelTarget target = KernelTarget.detect(device).withBody(body).withTensorCores(false);
        assumeTrue(target.choose().body() == body, () -> target.name() + " cannot run the " + body + " body");
        assumeTrue(body != Body.GPU || target.warpSums(), () -> target.name() + " has no working warp sums");
        run(device, target, op, arrays);
    }

    /**
     * The same with gpu bodies on tensor cores; skips the test where the device has none.
     *
     * @param f16 whether x is multiplied in fp16
     */
    static void runOnTensorCores(boolean f16, Consumer<KernelGraph> op, Object... arrays) {
        TornadoDevice device = device();
        KernelTarget detected = KernelTarget.detect(device);
        KernelTarget target =
                detected.withBody(Body.GPU).withTensorCores(detected.embedded() || detected.tensorCores());
        assumeTrue(target.tensorCores(), () -> target.name() + " has no tensor cores");
        run(device, f16 ? target.withF16Activations() : target, op, arrays);
    }

    private static void run(TornadoDevice device, KernelTarget target, Consumer<KernelGraph> op, Object... arrays) {
        GridScheduler grid = new GridScheduler();
        KernelGraph g = new KernelGraph("test", target, grid);
        g.input(arrays);
        try {
            op.accept(g);
        } catch (IllegalArgumentException e) {
            assumeFalse(e.getMessage().contains("cannot read"), e.getMessage());
            throw e;
        }
        // By themselves they would come back too. But of an array that tasks only write, TornadoVM's CUDA backend sets
        // the device's to zero, and does not wait for that: where another process keeps the GPU busy, after the tasks.
        g.outputOnDemand(arrays);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(g.build())) {
            plan.withDevice(device);
            if (!grid.keySet().isEmpty()) {
                plan.withGridScheduler(grid);
            }
            plan.execute().transferToHost(arrays);
        } catch (TornadoExecutionPlanException e) {
            throw new AssertionError(e);
        }
    }

    /** The formats of weights that the device reads. */
    static List<DataType> types() {
        KernelTarget target = KernelTarget.detect(device());
        return Arrays.stream(DataType.values())
                .filter(type -> switch (type) {
                    case F32 -> true;
                    case F16 -> target.fp16();
                    case BF16 -> target.bf16();
                })
                .toList();
    }

    /** F16 where the device reads it, otherwise F32. */
    static DataType f16OrF32() {
        return types().contains(DataType.F16) ? DataType.F16 : DataType.F32;
    }

    /** The formats of the KV cache that the device reads. */
    static List<DataType> kvTypes() {
        return types().stream().filter(type -> type != DataType.BF16).toList();
    }

    /** The devices of an SDK, counted once: building graphs changes the order of its backends. */
    private static final class SdkDevices {
        static final List<TornadoDevice> ALL = all();

        private static List<TornadoDevice> all() {
            TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
            List<TornadoDevice> devices = new ArrayList<>();
            for (int backend = 0; backend < runtime.getNumBackends(); backend++) {
                for (int i = 0; i < runtime.getBackend(backend).getNumDevices(); i++) {
                    devices.add(runtime.getBackend(backend).getDevice(i));
                }
            }
            return devices;
        }
    }

    /**
     * The embedded runtime's device that keeps its memory apart, so that a missing transfer fails; on TornadoVM the
     * device of the number in the property tornado.test.device.
     */
    static TornadoDevice device() {
        try {
            Object devices = Class.forName("io.maseparation.tornado.embedded.EmbeddedDevices")
                    .getMethod("strict", int.class)
                    .invoke(null, 1);
            return (TornadoDevice) ((List<?>) devices).getFirst();
        } catch (ClassNotFoundException e) {
            return SdkDevices.ALL.get(Integer.getInteger("tornado.test.device", 0));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    static IntArray step(int first, int count, int phase) {
        return DeviceArrays.copyOf(first, count, phase);
    }

    static FloatArray copy(FloatArray a) {
        FloatArray c = DeviceArrays.floats(a.getSize());
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

    /**
     * Whether elements that tasks leave alone are as they were. Not on TornadoVM: it sends no array to a device that
     * its first task only writes, so what that task leaves alone is arbitrary.
     */
    static boolean keepsUntouched() {
        return KernelTarget.detect(device()).embedded();
    }

    /** A poisoned element of an array that a task does not read is as it was, where such elements are kept. */
    static void assertUntouched(String what, FloatArray actual, int index) {
        if (keepsUntouched()) {
            assertThat(actual.get(index)).as("%s, untouched element %d", what, index).isNaN();
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
