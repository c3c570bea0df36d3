package io.maseparation.kernels.operations;

import io.maseparation.kernels.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Times what stands between two tasks of a graph that is launched as a CUDA graph, on the device: the tasks record
 * CUDA's events, as nodes of that graph. What the host does to launch it is not in that time; TornadoVM 5.2's part of
 * that grows with the number of tasks. For the thread that made it, in whose CUDA context its events are.
 */
@SuppressWarnings("restricted")
public final class GraphClock implements AutoCloseable {
    private static final String LIBRARY = "ma/clock";
    private static final String BEGIN = "begin";
    private static final String END = "end";
    /** CU_EVENT_DEFAULT, and CU_EVENT_RECORD_EXTERNAL: in the graph, and not a dependency while that is captured. */
    private static final int WITH_TIME = 0;

    private static final int NODE = 1;

    private final Arena arena = Arena.ofConfined();
    private final SymbolLookup cuda = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
    private final MemorySegment begin;
    private final MemorySegment end;
    private final LibraryTasks.Registration registration;

    /**
     * Makes the events, in CUDA's context of the thread.
     *
     * @throws LinkageError if CUDA refuses, or TornadoVM is not as expected
     */
    public GraphClock() {
        begin = event();
        end = event();
        registration = LibraryTasks.register(LIBRARY, this::record);
    }

    private MemorySegment event() {
        MemorySegment event = arena.allocate(ValueLayout.ADDRESS);
        NativeCall.require(cuda, "cuEventCreate", event, WITH_TIME);
        return event.get(ValueLayout.ADDRESS, 0);
    }

    private void record(String function, DeviceLibrary.Call call) {
        NativeCall.require(cuda, "cuEventRecordWithFlags", function.equals(BEGIN) ? begin : end,
                MemorySegment.ofAddress(call.stream()), NODE);
    }

    /**
     * Adds the task from which on time is taken.
     *
     * @param written an array that the tasks in between write
     */
    public void begin(KernelGraph graph, FloatArray written) {
        graph.task(BEGIN, g -> LibraryTasks.add(g, BEGIN, LIBRARY, BEGIN, 0, written));
    }

    /**
     * Adds the task up to which time is taken.
     *
     * @param written an array that the tasks in between write
     */
    public void end(KernelGraph graph, FloatArray written) {
        graph.task(END, g -> LibraryTasks.add(g, END, LIBRARY, END, 0, written));
    }

    /** {@return microseconds between the two tasks, of the graph that ran last; it has to be done} */
    public double micros() {
        MemorySegment millis = arena.allocate(ValueLayout.JAVA_FLOAT);
        NativeCall.require(cuda, "cuEventElapsedTime", millis, begin, end);
        return 1e3 * millis.get(ValueLayout.JAVA_FLOAT, 0);
    }

    /** Frees the events. After the plans whose graphs have them. */
    @Override
    public void close() {
        registration.close();
        NativeCall.require(cuda, "cuEventDestroy_v2", begin);
        NativeCall.require(cuda, "cuEventDestroy_v2", end);
        arena.close();
    }
}
