package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.NativeCall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A graph of ggml's operations on its CPU backend, in the variant that its own score says is best here, with a pool of
 * as many threads as there are cores. Dimensions are in ggml's order, the innermost first.
 */
final class Ggml {
    private static final StructLayout INIT_PARAMS = MemoryLayout.structLayout(
            ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_BOOLEAN, MemoryLayout.paddingLayout(7));
    /** For the descriptions of tensors and the graph; data is elsewhere. */
    private static final long CONTEXT_BYTES = 8L << 20;
    /** More than {@code ggml_threadpool_params} has, which ggml itself fills in. */
    private static final long PARAMS_BYTES = 4096;
    static final int TYPE_F32 = 0;
    static final int TYPE_F16 = 1;
    private static final int TYPE_I32 = 26;
    static final int TYPE_BF16 = 30;

    private final NativeLibrary library;
    private final MemorySegment backend;
    private final MemorySegment context;
    private final List<Runnable> inputs = new ArrayList<>();
    /** Memory that tensors point to. */
    private final List<MemorySegment> kept = new ArrayList<>();

    /** Loads the library and begins a graph. */
    Ggml() {
        Path folder = NativeLibrary.folder("ggml");
        library = NativeLibrary.open(folder.resolve("libggml-base.so"), variant(folder));
        library.call("ggml_cpu_init");
        backend = library.pointer("ggml_backend_cpu_init");
        int threads = Runtime.getRuntime().availableProcessors();
        MemorySegment params = Arena.global().allocate(PARAMS_BYTES, Long.BYTES);
        library.call("ggml_threadpool_params_init", params, threads);
        library.call("ggml_backend_cpu_set_n_threads", backend, threads);
        library.call("ggml_backend_cpu_set_threadpool", backend, library.pointer("ggml_threadpool_new", params));
        MemorySegment init = Arena.global().allocate(INIT_PARAMS);
        init.set(ValueLayout.JAVA_LONG, 0, CONTEXT_BYTES);
        // No data in the context.
        init.set(ValueLayout.JAVA_BOOLEAN, 16, true);
        context = (MemorySegment) NativeCall.of(
                library.handle("ggml_init", FunctionDescriptor.of(ValueLayout.ADDRESS, INIT_PARAMS)), init);
    }

    /**
     * Begins a graph for the only peer that has an operation.
     *
     * @throws UnsupportedOperationException if another peer was asked
     */
    static Ggml onlyOf(Peer peer, String operation) {
        if (peer != Peer.ggml) {
            throw new UnsupportedOperationException("%s is measured with ggml only, not %s".formatted(operation, peer));
        }
        return new Ggml();
    }

    /** The variant that fits this processor best. */
    static Path variant(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().startsWith("libggml-cpu-"))
                    .max(Comparator.comparingInt(f -> NativeLibrary.open(f).number("ggml_backend_score")))
                    .orElseThrow(() -> new IllegalStateException("no libggml-cpu-*.so in " + folder));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A tensor whose data is somebody's memory. */
    MemorySegment weights(DataType type, MemorySegment data, long... dimensions) {
        MemorySegment tensor = tensor(type(type), dimensions);
        kept.add(data);
        MemorySegment buffer = library.pointer("ggml_backend_cpu_buffer_from_ptr", data, data.byteSize());
        library.require("ggml_backend_tensor_alloc", buffer, tensor, data);
        return tensor;
    }

    /** A tensor with a copy of data. */
    MemorySegment input(DataType type, MemorySegment data, long... dimensions) {
        return input(type(type), data, dimensions);
    }

    /** A tensor with a copy of ints. */
    MemorySegment ints(MemorySegment data, long... dimensions) {
        return input(TYPE_I32, data, dimensions);
    }

    private MemorySegment input(int type, MemorySegment data, long... dimensions) {
        MemorySegment tensor = tensor(type, dimensions);
        inputs.add(() -> data(tensor, data.byteSize()).copyFrom(data));
        return tensor;
    }

    private MemorySegment tensor(int type, long... dimensions) {
        long[] all = {1, 1, 1, 1};
        System.arraycopy(dimensions, 0, all, 0, dimensions.length);
        return library.pointer("ggml_new_tensor_4d", context, type, all[0], all[1], all[2], all[3]);
    }

    /** An operation, with its arguments after the context. */
    MemorySegment then(String name, Object... arguments) {
        Object[] all = new Object[arguments.length + 1];
        all[0] = context;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return library.pointer(name, all);
    }

    /** Ends the graph: computes a tensor of so many floats. */
    Contender contender(MemorySegment result, long floats) {
        MemorySegment graph = then("ggml_new_graph");
        library.call("ggml_build_forward_expand", graph, result);
        library.pointer("ggml_backend_alloc_ctx_tensors", context, backend);
        inputs.forEach(Runnable::run);
        library.require("ggml_backend_graph_compute", backend, graph);
        Runnable compute = library.bind("ggml_backend_graph_compute", backend, graph);
        return new Contender(PeerMemory.keeping(kept, compute), data(result, 4 * floats));
    }

    @SuppressWarnings("restricted")
    private MemorySegment data(MemorySegment tensor, long bytes) {
        return library.pointer("ggml_get_data", tensor).reinterpret(bytes);
    }

    private static int type(DataType type) {
        return switch (type) {
            case F32 -> TYPE_F32;
            case F16 -> TYPE_F16;
            case BF16 -> TYPE_BF16;
        };
    }
}
