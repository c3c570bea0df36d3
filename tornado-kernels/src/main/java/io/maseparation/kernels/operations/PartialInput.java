package io.maseparation.kernels.operations;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.List;
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
    private static final String BUFFER = "uk.ac.manchester.tornado.api.memory.XPUBuffer";
    private static final Optional<Inside> INSIDE = Inside.find();
    private static final Optional<Method> EMBEDDED = embedded();

    private final ImmutableTaskGraph graph;
    private final TornadoExecutionPlan plan;
    private final TornadoDevice device;
    private final TornadoNativeArray array;
    private @Nullable Buffer buffer;

    /** Where an array is on a device. */
    private interface Buffer {
        void send(long bytes) throws Throwable;
    }

    /**
     * TornadoVM's way from a graph to its buffers.
     *
     * @param graph to the graph's object
     * @param context the field TornadoTaskGraph.executionContext
     * @param local TornadoExecutionContext.getLocalStateObject
     * @param reads the access of an array that is read, for that method
     * @param state LocalObjectState.getDataObjectState
     * @param onDevice ObjectState.getDeviceBufferState
     * @param found DeviceBufferState.getXPUBuffer
     * @param id TornadoExecutionPlan.getId
     * @param part XPUBuffer.setSizeSubRegion
     * @param write XPUBuffer.enqueueWrite
     */
    private record Inside(
            GraphInside graph, Field context, Method local, Object reads, Method state,
            Method onDevice, Method found, Method id, MethodHandle part, MethodHandle write) {
        static Optional<Inside> find() {
            try {
                Class<?> buffer = Class.forName(BUFFER);
                GraphInside graph = GraphInside.find();
                Field context = graph.field("executionContext");
                MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                Class<?> access = TaskInside.api("common.Access");
                Method local = context.getType().getMethod("getLocalStateObject", Object.class, access);
                // All of it is looked up here, so that a run does not find out half way.
                return Optional.of(new Inside(
                        graph,
                        context,
                        local,
                        access.getField("READ_ONLY").get(null),
                        local.getReturnType().getMethod("getDataObjectState"),
                        TaskInside.api("memory.ObjectState").getMethod("getDeviceBufferState", TornadoDevice.class),
                        TaskInside.api("memory.DeviceBufferState").getMethod("getXPUBuffer"),
                        TornadoExecutionPlan.class.getMethod("getId"),
                        lookup.findVirtual(buffer, "setSizeSubRegion", MethodType.methodType(void.class, long.class)),
                        lookup.findVirtual(buffer, "enqueueWrite", MethodType.methodType(
                                List.class, long.class, Object.class, long.class, long.class, int[].class,
                                boolean.class))));
            } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                // Another version, or one that does not let us in: arrays go as a whole.
                return Optional.empty();
            }
        }

        @Nullable
        Buffer buffer(PartialInput of) throws ReflectiveOperationException {
            Object inner = context.get(graph.of(of.graph));
            Object states = state.invoke(local.invoke(inner, of.array, reads));
            Object buffer = found.invoke(onDevice.invoke(states, of.device));
            if (buffer == null) {
                return null;
            }
            long plan = (long) id.invoke(of.plan);
            return bytes -> {
                part.invoke(buffer, bytes);
                try {
                    // With a size of batches TornadoVM writes the header, and the part from its beginning.
                    write.invoke(buffer, plan, (Object) of.array, bytes, 0L, (int[]) null, false);
                } finally {
                    part.invoke(buffer, 0L);
                }
            };
        }
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
                buffer = INSIDE.isPresent() ? INSIDE.get().buffer(this) : embeddedBuffer(EMBEDDED.orElseThrow());
            }
            return buffer != null;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("TornadoVM's buffers", e);
        }
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
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("TornadoVM's buffers", e);
        }
    }
}
