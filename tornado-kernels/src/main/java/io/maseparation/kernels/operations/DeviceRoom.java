package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Room on a device for an array of a graph that the host never fills. By itself TornadoVM makes room at a graph's first
 * execution, pins the whole array on the host, and takes it there: an array of gigabytes takes as much of the host's
 * memory, and seconds.
 *
 * <p>To be kept until the plan is closed: a page of its own stays pinned so long, and no other array may come to lie on
 * it.
 */
public final class DeviceRoom {
    private final ImmutableTaskGraph graph;
    private final TornadoExecutionPlan plan;
    private final TornadoDevice device;
    private final TornadoNativeArray array;
    /** What is pinned instead of the array. */
    private @Nullable TornadoNativeArray pinned;

    /**
     * @param graph the graph, which takes the array to the device at its first execution, and has not run yet
     * @param plan the plan it is part of, which has been put on the device
     * @param device the plan's device
     * @param array the array, of F32 or F16
     */
    public DeviceRoom(
            ImmutableTaskGraph graph, TornadoExecutionPlan plan, TornadoDevice device, TornadoNativeArray array) {
        this.graph = graph;
        this.plan = plan;
        this.device = device;
        this.array = array;
    }

    /** {@return whether room can be made before a graph runs: TornadoVM's inside is as expected} */
    public static boolean possible() {
        return BufferInside.FOUND.isPresent();
    }

    private static BufferInside inside() {
        return BufferInside.FOUND.orElseThrow(() -> new IllegalStateException("TornadoVM's buffers are out of reach"));
    }

    /**
     * Makes the room. What is in it is anything, but for the array's first element, which is the host's; the graph
     * takes it for the array.
     */
    public void make() {
        BufferInside inside = inside();
        DataType type =
                switch (array) {
                    case FloatArray floats -> DataType.F32;
                    case HalfFloatArray halves -> DataType.F16;
                    default -> throw new IllegalArgumentException(
                            "room for a " + array.getClass().getSimpleName());
                };
        pinned = DeviceArrays.of(type, 1);
        try {
            Object state = inside.state(graph, array, device);
            inside.allocate(device, state, array.getNumBytesOfSegment(), pinned);
            Object buffer = inside.buffer(state);
            if (buffer == null) {
                throw new LinkageError("TornadoVM made no room for an array");
            }
            // Kernels read the header.
            inside.write(buffer, inside.id(plan), array, array.getElementSize());
            inside.setFilled(state);
        } catch (ReflectiveOperationException e) {
            throw failure(e);
        }
    }

    /**
     * Lets another graph of the plan have this room for an array of its own, while something runs. Graphs that were
     * captured would not see it.
     *
     * @param other a graph that has made no room for the array
     * @param instead its array, of the same type and length
     * @param what what runs meanwhile
     */
    public void lend(ImmutableTaskGraph other, TornadoNativeArray instead, Runnable what) {
        BufferInside inside = inside();
        try {
            Object to = inside.state(other, instead, device);
            inside.setBuffer(to, inside.buffer(inside.state(graph, array, device)));
            try {
                what.run();
            } finally {
                // Whoever made it frees it.
                inside.setBuffer(to, null);
            }
        } catch (ReflectiveOperationException e) {
            throw failure(e);
        }
    }

    /**
     * Frees the room if nobody has; to be called when the plan has been closed. TornadoVM frees the arrays of graphs
     * that have run.
     */
    public void free() {
        BufferInside inside = inside();
        try {
            Object state = inside.state(graph, array, device);
            if (inside.buffer(state) != null) {
                inside.free(device, state);
            }
        } catch (ReflectiveOperationException e) {
            throw failure(e);
        }
    }

    private static LinkageError failure(ReflectiveOperationException e) {
        return new LinkageError("TornadoVM's buffers", e);
    }
}
