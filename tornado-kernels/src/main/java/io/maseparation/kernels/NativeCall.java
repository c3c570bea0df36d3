package io.maseparation.kernels;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import java.util.stream.Stream;

/** Calls functions of native libraries where nothing depends on how long a call takes. */
@SuppressWarnings("restricted")
public final class NativeCall {
    private NativeCall() {}

    /**
     * {@return what a function returns}
     *
     * @param function a function that returns something
     * @param arguments as its descriptor says
     */
    public static Object of(MethodHandle function, Object... arguments) {
        try {
            return Objects.requireNonNull(function.invokeWithArguments(arguments), "all functions return something");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a native function cannot be called", e);
        }
    }

    /**
     * {@return the status that a function returns}
     *
     * @param library where the function is
     * @param name its name
     * @param arguments pointers, as memory segments, and ints
     * @throws LinkageError if the library has no such function
     */
    public static int status(SymbolLookup library, String name, Object... arguments) {
        MemoryLayout[] types = Stream.of(arguments)
                .map(a -> a instanceof MemorySegment ? ValueLayout.ADDRESS : ValueLayout.JAVA_INT)
                .toArray(MemoryLayout[]::new);
        MemorySegment function =
                library.find(name).orElseThrow(() -> new LinkageError("the library has no " + name));
        return (int) of(
                Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.of(ValueLayout.JAVA_INT, types)),
                arguments);
    }

    /**
     * Calls a function whose status is 0 where it worked.
     *
     * @param library where the function is
     * @param name its name
     * @param arguments pointers, as memory segments, and ints
     * @throws LinkageError if the library has no such function, or the status is another
     */
    public static void require(SymbolLookup library, String name, Object... arguments) {
        int status = status(library, name, arguments);
        if (status != 0) {
            throw new LinkageError("%s returned %d".formatted(name, status));
        }
    }
}
