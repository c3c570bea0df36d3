package io.maseparation.parallel.cublas;

import io.maseparation.files.Text;
import io.maseparation.kernels.NativeCall;
import io.maseparation.moe.segments.ColumnMajorProduct;
import io.maseparation.parallel.run.RunFailedException;
import java.io.IOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The functions of cuBLAS's library that are in use, through its binary interface (version 2). */
@SuppressWarnings("restricted")
final class Cublas implements Multiplier {
    /** Names the library's file, where it is in none of the usual places. */
    static final String PROPERTY = "ma.cublas";

    private static final List<String> NAMES = List.of("libcublas.so.13", "libcublas.so.12");
    /** Where NVIDIA's toolkits are installed. */
    private static final Path TOOLKITS = Path.of("/usr/local");

    private static final int NOT_TRANSPOSED = 0;
    private static final int TRANSPOSED = 1;
    /** CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F and CUBLAS_GEMM_DEFAULT. */
    private static final int FLOAT16 = 2;

    private static final int FLOAT32 = 0;
    private static final int COMPUTE_FLOAT32 = 68;
    private static final int CHOSEN_BY_THE_LIBRARY = -1;
    private static final int LONGEST_TEXT = 4096;

    private static final AddressLayout POINTER = ValueLayout.ADDRESS;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong SIZE = ValueLayout.JAVA_LONG;

    private final Linker linker = Linker.nativeLinker();
    private final SymbolLookup library;
    private final MethodHandle setStream;
    private final MethodHandle setWorkspace;
    private final MethodHandle multiply;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment handle;
    private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
    private final MemorySegment zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);

    private Cublas(SymbolLookup library) {
        this.library = library;
        setStream = function("cublasSetStream_v2", POINTER, SIZE);
        setWorkspace = function("cublasSetWorkspace_v2", POINTER, SIZE, SIZE);
        multiply = function("cublasGemmEx", POINTER, INT, INT, INT, INT, INT, POINTER, SIZE, INT, INT, SIZE, INT, INT,
                POINTER, SIZE, INT, INT, INT, INT);
        MemorySegment created = arena.allocate(POINTER);
        check("cublasCreate", (int) NativeCall.of(function("cublasCreate_v2", POINTER), created));
        handle = created.get(POINTER, 0);
    }

    /**
     * Finds the library and opens it on the GPU of the thread's context.
     *
     * @throws RunFailedException if it is not installed, or does not start
     */
    static Cublas open() {
        return open(System.getProperty(PROPERTY, ""));
    }

    /**
     * The same.
     *
     * @param file of the library; empty for one in the usual places
     */
    static Cublas open(String file) {
        for (String candidate : file.isEmpty() ? usual(TOOLKITS) : List.of(file)) {
            SymbolLookup library;
            try {
                library = candidate.indexOf('/') < 0
                        ? SymbolLookup.libraryLookup(candidate, Arena.global())
                        : SymbolLookup.libraryLookup(Path.of(candidate), Arena.global());
            } catch (IllegalArgumentException e) {
                continue;
            }
            return new Cublas(library);
        }
        throw new RunFailedException("no cuBLAS: %s cannot be loaded; install it, or name its file with"
                .formatted(file.isEmpty() ? String.join(" or ", NAMES) : Text.printable(file))
                + " MA_JAVA_OPTS=-D%s=PATH".formatted(PROPERTY), null);
    }

    /** Names for the system's linker, then files of toolkits, the last version first. */
    static List<String> usual(Path folder) {
        List<String> candidates = new ArrayList<>(NAMES);
        List<Path> toolkits = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "cuda*")) {
                found.forEach(toolkits::add);
            } catch (IOException e) {
                // A folder that cannot be read has none.
                toolkits.clear();
            }
        }
        toolkits.sort(Comparator.reverseOrder());
        for (String name : NAMES) {
            for (Path toolkit : toolkits) {
                Path file = toolkit.resolve("lib64").resolve(name);
                if (Files.exists(file)) {
                    candidates.add(file.toString());
                }
            }
        }
        return candidates;
    }

    private MethodHandle function(String name, MemoryLayout... arguments) {
        MemorySegment symbol = library.find(name).orElseThrow(() -> new RunFailedException(
                "no cuBLAS: the library that was found has no %s; cuBLAS 11.4 or later is needed".formatted(name),
                null));
        return linker.downcallHandle(symbol, FunctionDescriptor.of(INT, arguments));
    }

    /** Its version, such as 13.0.2. */
    String version() {
        MemorySegment version = arena.allocate(INT);
        check("cublasGetVersion",
                (int) NativeCall.of(function("cublasGetVersion_v2", POINTER, POINTER), handle, version));
        int number = version.get(INT, 0);
        return "%d.%d.%d".formatted(number / 10_000, number / 100 % 100, number % 100);
    }

    @Override
    public void multiply(ColumnMajorProduct p, Operands operands, long stream) {
        check("cublasSetStream", (int) NativeCall.of(setStream, handle, stream));
        // After the stream, which takes away the one before. cuBLAS's own would be allocated, also while a graph is
        // captured.
        check("cublasSetWorkspace",
                (int) NativeCall.of(setWorkspace, handle, operands.workspace(), operands.workspaceBytes()));
        check("cublasGemmEx",
                (int) NativeCall.of(multiply, handle, operation(p.transposedA()), operation(p.transposedB()), p.m(),
                        p.n(), p.k(), one, operands.a(), FLOAT16, p.lda(), operands.b(), FLOAT16, p.ldb(), zero,
                        operands.c(),
                        FLOAT32, p.ldc(), COMPUTE_FLOAT32, CHOSEN_BY_THE_LIBRARY));
    }

    private static int operation(boolean transposed) {
        return transposed ? TRANSPOSED : NOT_TRANSPOSED;
    }

    /** Closes it. What was given to the device has to be done by then. */
    @Override
    public void close() {
        try {
            check("cublasDestroy", (int) NativeCall.of(function("cublasDestroy_v2", POINTER), handle));
        } finally {
            arena.close();
        }
    }

    private void check(String what, int status) {
        if (status != 0) {
            throw new RunFailedException("%s failed: %s".formatted(what, text(status)), null);
        }
    }

    private String text(int status) {
        MethodHandle function = linker.downcallHandle(library.find("cublasGetStatusString").orElseThrow(),
                FunctionDescriptor.of(POINTER, INT));
        MemorySegment text = (MemorySegment) NativeCall.of(function, status);
        return text.equals(MemorySegment.NULL)
                ? "status " + status
                : Text.line(text.reinterpret(LONGEST_TEXT).getString(0));
    }
}
