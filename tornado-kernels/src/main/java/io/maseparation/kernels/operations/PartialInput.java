package io.maseparation.kernels.operations;

import java.lang.reflect.Method;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Takes the beginning of an array to a device before a graph runs. A graph of TornadoVM takes whole arrays there, and
 * its API knows parts of arrays only on the way back; its buffers can do it. They are found by reflection, since the
 * code is compiled without TornadoVM's runtime.
 */
public final class PartialInput {
    private static final Optional<BufferInside> INSIDE = BufferInside.FOUND;
    private static final Optional<Method> EMBEDDED = embedded();

    private final ImmutableTaskGraph graph;
    private final TornadoExecutionPlan plan;
    private final TornadoDevice device;
    private final TornadoNativeArray array;
    private @Nullable Buffer buffer;

    /** Where an array is on a device. */
    private interface Buffer {
        void send(long bytes) throws ReflectiveOperationException;
    }

    /**
     * @param graph the graph, which has room for the array on the device
     * @param plan the plan it is part of
     * @param device the plan's device
     * @param array the array
     */
    public PartialInput(
            ImmutableTaskGraph graph, TornadoExecutionPlan plan, TornadoDevice device, TornadoNativeArray array) {
        this.graph = graph;
        this.plan = plan;
        this.device = device;
        this.array = array;
    }

    /** {@return whether parts of arrays can be taken to a device: it has a memory of its own, and the way is known} */
    public static boolean possible(TornadoDevice device) {
        return INSIDE.isPresent() || (EMBEDDED.isPresent() && isStrict(device));
    }

    /** The embedded runtime's way. */
    private static Optional<Method> embedded() {
        try {
            Method send = TornadoExecutionPlan.class.getDeclaredMethod(
                    "send", ImmutableTaskGraph.class, TornadoNativeArray.class, long.class);
            send.setAccessible(true);
            return Optional.of(send);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return Optional.empty();
        }
    }

    private static boolean isStrict(TornadoDevice device) {
        try {
            return (boolean) device.getClass().getMethod("isStrict").invoke(device);
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }

    /** {@return whether the device has room for the array: not before the graph has run for the first time} */
    public boolean ready() {
        try {
            if (buffer == null) {
                buffer = INSIDE.isPresent() ? inside(INSIDE.get()) : embeddedBuffer(EMBEDDED.orElseThrow());
            }
            return buffer != null;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's buffers", e);
        }
    }

    private @Nullable Buffer inside(BufferInside inside) throws ReflectiveOperationException {
        Object found = inside.buffer(inside.state(graph, array, device));
        long id = inside.id(plan);
        return found == null ? null : bytes -> inside.write(found, id, array, bytes);
    }

    private @Nullable Buffer embeddedBuffer(Method send) throws ReflectiveOperationException {
        return (boolean) send.invoke(plan, graph, array, 0L)
                ? bytes -> send.invoke(plan, graph, array, bytes)
                : null;
    }

    /**
     * Takes the array's first elements to the device. They may be on their way when this returns: the array is not to
     * be written before the graph has run.
     *
     * @param elements how many, 1 or more
     * @throws IllegalStateException if the device is not {@link #ready}
     */
    public void send(long elements) {
        if (!ready() || buffer == null) {
            throw new IllegalStateException("the graph has not run yet");
        }
        try {
            buffer.send(elements * array.getElementSize());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's buffers", e);
        }
    }
}
