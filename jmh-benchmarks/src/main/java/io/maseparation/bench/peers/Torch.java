package io.maseparation.bench.peers;

import io.maseparation.kernels.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;

/**
 * PyTorch's products, by the C functions that its compiled models call (AOTInductor's). With 16-bit weights x and the
 * result have their format, too.
 */
final class Torch {
    private final NativeLibrary library;
    private final Arena arena = Arena.global();

    private Torch() {
        Path folder = NativeLibrary.folder("torch");
        library = NativeLibrary.open(
                folder.resolve("libgomp-98b21ff3.so.1"),
                folder.resolve("libc10.so"),
                folder.resolve("libtorch_cpu.so"));
        library.call("aoti_torch_grad_mode_set_enabled", 0);
        // at::set_num_threads(int)
        library.call("_ZN2at15set_num_threadsEi", Runtime.getRuntime().availableProcessors());
    }

    static Contender product(Product p) {
        return new Torch().make(p);
    }

    private Contender make(Product p) {
        MemorySegment x = PeerMemory.copy(p.x(), p.type());
        MemorySegment out = PeerMemory.zeros((long) p.type().bytes() * p.rows() * p.outputs());
        MemorySegment floats = PeerMemory.zeros(4L * p.rows() * p.outputs());
        long k = p.columns();
        long n = p.outputs();
        Runnable multiply = library.bind(
                "aoti_torch_cpu_mm_out",
                tensor(p.type(), out, List.of((long) p.rows(), n), List.of(n, 1L)),
                tensor(p.type(), x, List.of((long) p.rows(), k), List.of(k, 1L)),
                tensor(p.type(), p.weights(), List.of(k, n), List.of(1L, k)));
        multiply.run();
        PeerMemory.widen(out, p.type(), floats);
        return new Contender(PeerMemory.keeping(List.of(x, p.weights(), out), multiply), floats);
    }

    private MemorySegment tensor(DataType type, MemorySegment data, List<Long> sizes, List<Long> strides) {
        MemorySegment made = arena.allocate(ValueLayout.ADDRESS);
        int format = library.number(
                switch (type) {
                    case F32 -> "aoti_torch_dtype_float32";
                    case F16 -> "aoti_torch_dtype_float16";
                    case BF16 -> "aoti_torch_dtype_bfloat16";
                });
        library.require(
                "aoti_torch_create_tensor_from_blob", data, (long) sizes.size(), longs(sizes), longs(strides), 0L,
                format, library.number("aoti_torch_device_type_cpu"), 0, made);
        return made.get(ValueLayout.ADDRESS, 0);
    }

    private MemorySegment longs(List<Long> values) {
        return arena.allocateFrom(ValueLayout.JAVA_LONG, values.stream().mapToLong(v -> v).toArray());
    }
}
