package io.maseparation.bench.peers;

import io.maseparation.kernels.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Functions of a peer's shared libraries, with the descriptors that the arguments have. */
@SuppressWarnings("restricted")
final class NativeLibrary {
    /** Of {@code ggml_log_level}. */
    private static final int ERROR = 4;

    private final SymbolLookup symbols;

    private NativeLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
    }

    /**
     * Where the peers' libraries were unpacked: what the system property {@code ma.peers} says, or the folder of
     * Maven's profile, seen from the root of the project or from the module.
     *
     * @throws IllegalStateException if they were not
     */
    static Path folder(String peer) {
        String told = System.getProperty("ma.peers");
        return Stream.of(told == null ? "jmh-benchmarks/target/peers" : told, "target/peers")
                .map(root -> Path.of(root).resolve(peer).toAbsolutePath())
                .filter(Files::isDirectory)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "no libraries of %s in %s: ./mvnw -q package -Dlauncher -Dpeers=none fetches them".formatted(
                                peer, Path.of(told == null ? "jmh-benchmarks/target/peers" : told).toAbsolutePath())));
    }

    /** The functions of the C library. */
    static NativeLibrary system() {
        return new NativeLibrary(Linker.nativeLinker().defaultLookup());
    }

    /** Loads libraries, in an order in which each finds what it needs; they stay loaded. */
    static NativeLibrary open(Path... files) {
        return new NativeLibrary(Stream.of(files)
                .map(file -> SymbolLookup.libraryLookup(file, Arena.global()))
                .reduce((a, b) -> b.or(a))
                .orElseThrow());
    }

    /**
     * A function for ggml and llama.cpp to log with, {@code void (level, text, data)}: errors go to the standard error,
     * everything else nowhere.
     */
    static MemorySegment errorLog() {
        try {
            return Linker.nativeLinker().upcallStub(
                    MethodHandles.lookup().findStatic(NativeLibrary.class, "log",
                            MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class)),
                    FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                    Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("there is such a method", e);
        }
    }

    /** What {@link #errorLog} calls. */
    static void log(int level, MemorySegment text, MemorySegment data) {
        if (level == ERROR) {
            System.err.print(text.reinterpret(Long.MAX_VALUE).getString(0));
        }
    }

    /** A function that returns a pointer, on those arguments. */
    MemorySegment pointer(String name, Object... arguments) {
        return (MemorySegment) NativeCall.of(
                handle(name, FunctionDescriptor.of(ValueLayout.ADDRESS, layouts(arguments))), arguments);
    }

    /** A function that returns an int, on those arguments. */
    int number(String name, Object... arguments) {
        return (int) NativeCall.of(
                handle(name, FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts(arguments))), arguments);
    }

    /** A function whose int says that it worked by being 0, on those arguments. */
    void require(String name, Object... arguments) {
        int status = number(name, arguments);
        if (status != 0) {
            throw new IllegalStateException("%s returned %d".formatted(name, status));
        }
    }

    /** A function whose result, if any, is of no interest, on those arguments. */
    void call(String name, Object... arguments) {
        bind(name, arguments).run();
    }

    /** A function whose result, if any, is of no interest, on those arguments whenever it is run. */
    Runnable bind(String name, Object... arguments) {
        MethodHandle bound = MethodHandles.insertArguments(
                handle(name, FunctionDescriptor.ofVoid(layouts(arguments))), 0, arguments);
        return () -> {
            try {
                bound.invokeExact();
            } catch (Throwable e) {
                throw new AssertionError(name + " cannot be called", e);
            }
        };
    }

    /** A function with a descriptor of its own. */
    MethodHandle handle(String name, FunctionDescriptor descriptor) {
        MemorySegment function =
                symbols.find(name).orElseThrow(() -> new LinkageError("the library has no " + name));
        return Linker.nativeLinker().downcallHandle(function, descriptor);
    }

    private static MemoryLayout[] layouts(Object... arguments) {
        return Stream.of(arguments).map(NativeLibrary::layout).toArray(MemoryLayout[]::new);
    }

    private static MemoryLayout layout(Object argument) {
        return switch (argument) {
            case MemorySegment pointer -> ValueLayout.ADDRESS;
            case Integer number -> ValueLayout.JAVA_INT;
            case Long number -> ValueLayout.JAVA_LONG;
            case Float number -> ValueLayout.JAVA_FLOAT;
            case Boolean flag -> ValueLayout.JAVA_BOOLEAN;
            default -> throw new IllegalArgumentException("an argument of " + argument.getClass());
        };
    }
}
