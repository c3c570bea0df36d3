package io.maseparation.bench.peers;

import io.maseparation.kernels.NativeCall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A model that llama.cpp computes, in ggml's variant for this processor and on a pool of threads, which its own tools
 * give it, too. All settings are its defaults: the file is mapped.
 */
final class Llama {
    /** Of the version that {@code config/ggml-peer} fetches; nothing in it is set here. */
    private static final StructLayout PARAMS = longs(10);
    /** Of {@code llama_model_rope_type}: element i of a head is rotated with element i + half of its size. */
    private static final int ROPE_NEOX = 2;
    /** More than {@code ggml_threadpool_params} has, which ggml itself fills in. */
    private static final long POOL_BYTES = 4096;

    private final NativeLibrary library;
    private final MemorySegment model;
    private final MemorySegment pool;
    private final int threads;

    /** Loads a file, which stays loaded. */
    Llama(Path gguf, int threads) {
        this.threads = threads;
        Path folder = NativeLibrary.folder("ggml");
        Path variant = Ggml.variant(folder);
        library = NativeLibrary.open(
                folder.resolve("libggml-base.so"), variant, starting(folder, "libggml.v"),
                starting(folder, "libllama.v"));
        library.call("llama_log_set", NativeLibrary.errorLog(), MemorySegment.NULL);
        library.call("ggml_backend_load", Arena.global().allocateFrom(variant.toString()));
        library.call("llama_backend_init");
        model = (MemorySegment) NativeCall.of(
                library.handle("llama_model_load_from_file",
                        FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, PARAMS)),
                Arena.global().allocateFrom(gguf.toString()),
                defaults("llama_model_default_params", PARAMS));
        require("it loads " + gguf, model.address() != 0);
        require("its rotary embedding is the half-split one",
                library.number("llama_model_rope_type", model) == ROPE_NEOX);
        MemorySegment params = Arena.global().allocate(POOL_BYTES, Long.BYTES);
        library.call("ggml_threadpool_params_init", params, threads);
        pool = library.pointer("ggml_threadpool_new", params);
    }

    /** A struct of so many times eight bytes, whatever is in it. */
    static StructLayout longs(int count) {
        return MemoryLayout.structLayout(MemoryLayout.sequenceLayout(count, ValueLayout.JAVA_LONG));
    }

    private static Path starting(Path folder, String start) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith(start))
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("no %s… in %s".formatted(start, folder)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A struct as a function of llama.cpp fills it in. */
    MemorySegment defaults(String function, StructLayout layout) {
        return (MemorySegment) NativeCall.of(
                library.handle(function, FunctionDescriptor.of(layout)), (SegmentAllocator) Arena.global());
    }

    /** Complains of a library that is another one than this was written for. */
    static void require(String what, boolean holds) {
        if (!holds) {
            throw new IllegalStateException("llama.cpp is not as it has to be: " + what);
        }
    }

    /** The library. */
    NativeLibrary library() {
        return library;
    }

    /** Tokens that there are. */
    int vocab() {
        return library.number("llama_vocab_n_tokens", library.pointer("llama_model_get_vocab", model));
    }

    /** A context, made by some parameters, that computes on the pool's threads. */
    MemorySegment context(MemorySegment params, StructLayout layout) {
        MemorySegment context = (MemorySegment) NativeCall.of(
                library.handle("llama_init_from_model",
                        FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, layout)),
                model, params);
        require("it makes a context", context.address() != 0);
        library.call("llama_attach_threadpool", context, pool, pool);
        library.call("llama_set_n_threads", context, threads, threads);
        require("a context has the threads that it was given",
                library.number("llama_n_threads", context) == threads
                        && library.number("llama_n_threads_batch", context) == threads);
        return context;
    }
}
