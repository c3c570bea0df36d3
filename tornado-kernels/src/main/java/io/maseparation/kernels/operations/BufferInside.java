package io.maseparation.kernels.operations;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * TornadoVM's way from a graph to what it has on a device, by reflection, since the code is compiled without that
 * runtime. Each graph has a state of its own for each of its arrays, which says in which buffer the array is.
 *
 * @param graph to the graph's object
 * @param context the field TornadoTaskGraph.executionContext
 * @param local TornadoExecutionContext.getLocalStateObject
 * @param reads the access of an array that is read, for that method
 * @param writes the access of an array that is read and written
 * @param states LocalObjectState.getDataObjectState
 * @param onDevice ObjectState.getDeviceBufferState
 * @param allocate TornadoDevice.allocate
 * @param deallocate TornadoDevice.deallocate
 * @param get DeviceBufferState.getXPUBuffer
 * @param set DeviceBufferState.setXPUBuffer
 * @param contents DeviceBufferState.setContents
 * @param lock XPUDeviceBufferState.setLockBuffer
 * @param id TornadoExecutionPlan.getId
 * @param part XPUBuffer.setSizeSubRegion
 * @param enqueueWrite XPUBuffer.enqueueWrite
 */
record BufferInside(
        GraphInside graph, Field context, Method local, Object reads, Object writes, Method states, Method onDevice,
        Method allocate, Method deallocate, Method get, Method set, Method contents, Method lock, Method id,
        Method part, Method enqueueWrite) {
    private static final String BUFFER = "uk.ac.manchester.tornado.api.memory.XPUBuffer";
    private static final String STATE = "uk.ac.manchester.tornado.runtime.common.XPUDeviceBufferState";

    /** Empty with the embedded runtime, another version, or one that does not let us in. */
    static final Optional<BufferInside> FOUND = find();

    private static Optional<BufferInside> find() {
        try {
            Class<?> buffer = Class.forName(BUFFER);
            GraphInside graph = GraphInside.find();
            Field context = graph.field("executionContext");
            Class<?> access = TaskInside.api("common.Access");
            Class<?> state = TaskInside.api("memory.DeviceBufferState");
            Method local = context.getType().getMethod("getLocalStateObject", Object.class, access);
            // All of it is looked up here, so that a run does not find out half way.
            return Optional.of(new BufferInside(
                    graph,
                    context,
                    local,
                    access.getField("READ_ONLY").get(null),
                    access.getField("READ_WRITE").get(null),
                    local.getReturnType().getMethod("getDataObjectState"),
                    TaskInside.api("memory.ObjectState").getMethod("getDeviceBufferState", TornadoDevice.class),
                    TornadoDevice.class.getMethod("allocate", Object.class, long.class, state, access),
                    TornadoDevice.class.getMethod("deallocate", state),
                    state.getMethod("getXPUBuffer"),
                    state.getMethod("setXPUBuffer", buffer),
                    state.getMethod("setContents", boolean.class),
                    Class.forName(STATE).getMethod("setLockBuffer", boolean.class),
                    TornadoExecutionPlan.class.getMethod("getId"),
                    buffer.getMethod("setSizeSubRegion", long.class),
                    buffer.getMethod("enqueueWrite", long.class, Object.class, long.class, long.class, int[].class,
                            boolean.class)));
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return Optional.empty();
        }
    }

    /** What a graph knows of one of its arrays on a device. */
    Object state(ImmutableTaskGraph of, TornadoNativeArray array, TornadoDevice device)
            throws ReflectiveOperationException {
        Object inner = context.get(graph.of(of));
        return onDevice.invoke(states.invoke(local.invoke(inner, array, reads)), device);
    }

    /** The buffer of a state; null where there is none. */
    @Nullable
    Object buffer(Object state) throws ReflectiveOperationException {
        return get.invoke(state);
    }

    /** Gives a state a buffer, or none. */
    void setBuffer(Object state, @Nullable Object buffer) throws ReflectiveOperationException {
        set.invoke(state, buffer);
    }

    /** Says of a state that its buffer holds the array. */
    void setFilled(Object state) throws ReflectiveOperationException {
        contents.invoke(state, true);
    }

    /**
     * Gives a state a buffer of its own.
     *
     * @param bytes of elements
     * @param pinned an array of the same type, whose memory is pinned on the host
     */
    void allocate(TornadoDevice device, Object state, long bytes, TornadoNativeArray pinned)
            throws ReflectiveOperationException {
        // With a size of batches TornadoVM makes room for that, whatever the array has.
        GraphInside.call(allocate, device, pinned, bytes, state, writes);
    }

    /** Frees the buffer of a state. */
    void free(TornadoDevice device, Object state) throws ReflectiveOperationException {
        lock.invoke(state, false);
        GraphInside.call(deallocate, device, state);
    }

    /** The number of a plan. */
    long id(TornadoExecutionPlan plan) throws ReflectiveOperationException {
        return (long) id.invoke(plan);
    }

    /** Takes an array's first bytes, and its header, to the device. */
    void write(Object buffer, long plan, TornadoNativeArray array, long bytes) throws ReflectiveOperationException {
        part.invoke(buffer, bytes);
        try {
            // With a size of batches TornadoVM writes the header, and the part from its beginning.
            GraphInside.call(enqueueWrite, buffer, plan, array, bytes, 0L, null, false);
        } finally {
            part.invoke(buffer, 0L);
        }
    }
}
