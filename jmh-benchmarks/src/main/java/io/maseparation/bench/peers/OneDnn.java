package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;

/**
 * oneDNN's matrix product, with weights reordered beforehand to the format it asks for. With 16-bit weights it takes x
 * in their format, which it is given; results are fp32.
 */
final class OneDnn {
    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int ANY_FORMAT = 1;
    private static final int WEIGHTS_OF_PRIMITIVE = 131;
    private static final int SOURCE = 1;
    private static final int RESULT = 17;
    private static final int WEIGHTS = 33;
    private static final MemorySegment ALLOCATE = MemorySegment.ofAddress(-1);

    private final NativeLibrary library;
    private final Arena arena = Arena.global();
    private final MemorySegment engine;
    private final MemorySegment stream;

    private OneDnn() {
        Path folder = NativeLibrary.folder("onednn");
        library = NativeLibrary.open(folder.resolve("libgomp.so.1"), folder.resolve("libdnnl.so.3"));
        library.call("omp_set_num_threads", Runtime.getRuntime().availableProcessors());
        engine = made("dnnl_engine_create", CPU, 0L);
        stream = made("dnnl_stream_create", engine, IN_ORDER);
    }

    static Contender product(Product p) {
        return new OneDnn().make(p);
    }

    private Contender make(Product p) {
        MemorySegment x = PeerMemory.copy(p.x(), p.type());
        MemorySegment out = PeerMemory.zeros(4L * p.rows() * p.outputs());
        int type = type(p.type());
        long k = p.columns();
        MemorySegment source = format(type, List.of((long) p.rows(), k), List.of(k, 1L));
        MemorySegment result = format(type(DataType.F32), List.of((long) p.rows(), (long) p.outputs()),
                List.of((long) p.outputs(), 1L));
        MemorySegment plain = format(type, List.of(k, (long) p.outputs()), List.of(1L, k));
        MemorySegment any = made("dnnl_memory_desc_create_with_tag", 2, longs(List.of(k, (long) p.outputs())), type,
                ANY_FORMAT);
        MemorySegment product = made("dnnl_matmul_primitive_desc_create", engine, source, any, MemorySegment.NULL,
                result, MemorySegment.NULL);
        MemorySegment wanted = library.pointer("dnnl_primitive_desc_query_md", product, WEIGHTS_OF_PRIMITIVE, 0);
        MemorySegment weights = made("dnnl_memory_create", wanted, engine, ALLOCATE);
        MemorySegment given = made("dnnl_memory_create", plain, engine, p.weights());
        MemorySegment reorder = made("dnnl_reorder_primitive_desc_create", plain, engine, wanted, engine,
                MemorySegment.NULL);
        execution(made("dnnl_primitive_create", reorder), List.of(SOURCE, RESULT), List.of(given, weights)).run();
        MemorySegment from = made("dnnl_memory_create", source, engine, x);
        MemorySegment to = made("dnnl_memory_create", result, engine, out);
        Runnable run = execution(
                made("dnnl_primitive_create", product), List.of(SOURCE, WEIGHTS, RESULT), List.of(from, weights, to));
        return new Contender(PeerMemory.keeping(List.of(x, p.weights(), out), run), out);
    }

    /** What a function writes to its first argument. */
    private MemorySegment made(String name, Object... arguments) {
        MemorySegment made = arena.allocate(ValueLayout.ADDRESS);
        Object[] all = new Object[arguments.length + 1];
        all[0] = made;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        library.require(name, all);
        return made.get(ValueLayout.ADDRESS, 0);
    }

    private MemorySegment format(int type, List<Long> dimensions, List<Long> strides) {
        return made(
                "dnnl_memory_desc_create_with_strides", dimensions.size(), longs(dimensions), type, longs(strides));
    }

    private MemorySegment longs(List<Long> values) {
        // Functions read as many as a tensor can have dimensions.
        MemorySegment longs = arena.allocate(ValueLayout.JAVA_LONG, 12);
        for (int i = 0; i < values.size(); i++) {
            longs.setAtIndex(ValueLayout.JAVA_LONG, i, values.get(i));
        }
        return longs;
    }

    /** An execution and the wait for its end. */
    private Runnable execution(MemorySegment primitive, List<Integer> names, List<MemorySegment> memories) {
        MemorySegment arguments = arena.allocate(16L * names.size(), 8);
        for (int i = 0; i < names.size(); i++) {
            arguments.set(ValueLayout.JAVA_INT, 16L * i, names.get(i));
            arguments.set(ValueLayout.ADDRESS, 16L * i + 8, memories.get(i));
        }
        Runnable execute = library.bind("dnnl_primitive_execute", primitive, stream, names.size(), arguments);
        Runnable wait = library.bind("dnnl_stream_wait", stream);
        return () -> {
            execute.run();
            wait.run();
        };
    }

    private static int type(DataType type) {
        return switch (type) {
            case F16 -> 1;
            case BF16 -> 2;
            case F32 -> 3;
        };
    }
}
