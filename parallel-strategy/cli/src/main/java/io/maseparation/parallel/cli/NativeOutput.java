package io.maseparation.parallel.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * Writes to a file descriptor of the process. TornadoVM's native libraries print to standard output what a driver said;
 * results must be alone there, so the descriptor is moved out of their reach.
 */
@SuppressWarnings("restricted")
final class NativeOutput extends OutputStream {
    private static final int INTERRUPTED = 4;
    private static final int TRY_AGAIN = 11;
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERROR = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private final MethodHandle write = function(
            "write",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG),
            Linker.Option.captureCallState("errno"));

    private final int descriptor;

    /**
     * Writes to a descriptor.
     *
     * @param descriptor its number; stays open
     */
    NativeOutput(int descriptor) {
        this.descriptor = descriptor;
    }

    /** Standard output for results alone: what others print there goes to standard error from now on. */
    static PrintStream ownStandardOutput() {
        FunctionDescriptor two =
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        FunctionDescriptor one = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        int own;
        try {
            own = (int) function("dup", one).invokeExact(1);
            if (own < 0 || (int) function("dup2", two).invokeExact(2, 1) < 0) {
                return System.out;
            }
        } catch (Throwable e) {
            throw new AssertionError("a function of the system cannot be called", e);
        }
        return new PrintStream(new NativeOutput(own), false, StandardCharsets.UTF_8);
    }

    private static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type, options);
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (length == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            MemorySegment copy = arena.allocate(length);
            MemorySegment.copy(bytes, offset, copy, ValueLayout.JAVA_BYTE, 0, length);
            long done = 0;
            while (done < length) {
                done += written(state, copy.asSlice(done));
            }
        }
    }

    /** How many bytes of {@code rest} were written. */
    private long written(MemorySegment state, MemorySegment rest) throws IOException {
        long count;
        try {
            count = (long) write.invokeExact(state, descriptor, rest, rest.byteSize());
        } catch (Throwable e) {
            throw new AssertionError("a function of the system cannot be called", e);
        }
        if (count >= 0) {
            return count;
        }
        int error = (int) ERROR.get(state, 0L);
        if (error == INTERRUPTED || error == TRY_AGAIN) {
            Thread.onSpinWait();
            return 0;
        }
        throw new IOException("error %d of the system".formatted(error));
    }
}
