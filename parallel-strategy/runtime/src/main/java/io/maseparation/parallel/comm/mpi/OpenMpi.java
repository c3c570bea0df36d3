package io.maseparation.parallel.comm.mpi;

import io.maseparation.kernels.NativeCall;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The functions of Open MPI's library that are in use, through its binary interface: handles are the addresses of the
 * library's own objects, which versions 4 and 5 have in common. Safe for use by any number of threads once
 * {@link #init} has been called.
 */
@SuppressWarnings("restricted")
final class OpenMpi {
    /** Names of the library of versions 4 and 5. */
    private static final List<String> LIBRARIES = List.of("libmpi.so.40", "libmpi.so");
    /** Open MPI's parts look for each other among all symbols of the process. */
    private static final int NOW_AND_GLOBAL = 0x102;

    private static final int SUCCESS = 0;
    private static final int THREAD_MULTIPLE = 3;
    private static final int ANY = -1;
    private static final int STATUS_BYTES = 24;
    private static final int LONGEST_TEXT = 8192;

    private static final AddressLayout POINTER = ValueLayout.ADDRESS;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final Linker linker = Linker.nativeLinker();
    private final SymbolLookup library;
    private final MemorySegment world;
    private final MemorySegment bytes;

    private final MethodHandle send;
    private final MethodHandle probe;
    private final MethodHandle receive;
    private final MethodHandle test;
    private final MethodHandle abort;
    private final MethodHandle errorText;

    /**
     * A communicator: messages of one do not meet those of another.
     *
     * @param handle the library's
     */
    record Group(MemorySegment handle) {}

    /**
     * A message that has come and is to be received.
     *
     * @param from rank of the sender
     * @param bytes its length
     * @param handle the library's
     */
    record Probed(int from, int bytes, MemorySegment handle) {}

    private OpenMpi(SymbolLookup library) {
        this.library = library;
        world = symbol("ompi_mpi_comm_world");
        bytes = symbol("ompi_mpi_byte");
        send = function("MPI_Isend", POINTER, INT, POINTER, INT, INT, POINTER, POINTER);
        probe = function("MPI_Improbe", INT, INT, POINTER, POINTER, POINTER, POINTER);
        receive = function("MPI_Imrecv", POINTER, INT, POINTER, POINTER, POINTER);
        test = function("MPI_Test", POINTER, POINTER, POINTER);
        abort = function("MPI_Abort", POINTER, INT);
        errorText = function("MPI_Error_string", INT, POINTER, POINTER);
    }

    /**
     * Finds the library.
     *
     * @throws RunFailedException if it is not installed, or is another MPI's
     */
    static OpenMpi load() {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle open = linker.downcallHandle(
                    linker.defaultLookup().find("dlopen").orElseThrow(() -> missing("this system has no dlopen")),
                    FunctionDescriptor.of(POINTER, POINTER, INT));
            for (String name : LIBRARIES) {
                MemorySegment handle =
                        (MemorySegment) NativeCall.of(open, arena.allocateFrom(name), NOW_AND_GLOBAL);
                if (!handle.equals(MemorySegment.NULL)) {
                    return new OpenMpi(SymbolLookup.libraryLookup(name, Arena.global()));
                }
            }
        } catch (IllegalArgumentException e) {
            throw missing("its library cannot be loaded");
        }
        throw missing("%s is not found".formatted(LIBRARIES.getFirst()));
    }

    private static RunFailedException missing(String what) {
        return new RunFailedException(
                "no Open MPI: %s; install it (Debian: openmpi-bin) or add its folder to LD_LIBRARY_PATH"
                        .formatted(what),
                null);
    }

    private MemorySegment symbol(String name) {
        return library.find(name).orElseThrow(() -> missing(
                "the library of MPI that is installed has no %s, so it is not Open MPI 4 or 5".formatted(name)));
    }

    private MethodHandle function(String name, ValueLayout... arguments) {
        return linker.downcallHandle(symbol(name), FunctionDescriptor.of(INT, arguments));
    }

    /**
     * Joins the job that the process was started in.
     *
     * @return all processes
     * @throws RunFailedException if the library cannot be used by several threads
     */
    Group init() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment provided = arena.allocate(INT);
            check("MPI_Init_thread", (int) NativeCall.of(function("MPI_Init_thread", POINTER, POINTER, INT, POINTER),
                    MemorySegment.NULL, MemorySegment.NULL, THREAD_MULTIPLE, provided));
            Group all = new Group(world);
            returnErrors(all);
            if (provided.get(INT, 0) < THREAD_MULTIPLE) {
                throw new RunFailedException(
                        "this Open MPI was built without MPI_THREAD_MULTIPLE, which is needed", null);
            }
            return all;
        }
    }

    /** Errors are this program's to name. */
    private void returnErrors(Group group) {
        check("MPI_Comm_set_errhandler", (int) NativeCall.of(function("MPI_Comm_set_errhandler", POINTER, POINTER),
                group.handle, symbol("ompi_mpi_errors_return")));
    }

    /** The same processes, for messages that are to meet no others. */
    Group duplicate(Group group) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(POINTER);
            check("MPI_Comm_dup", (int) NativeCall.of(
                    function("MPI_Comm_dup", POINTER, POINTER), group.handle, handle));
            Group copy = new Group(handle.get(POINTER, 0));
            returnErrors(copy);
            return copy;
        }
    }

    int rank(Group group) {
        return number("MPI_Comm_rank", group);
    }

    int size(Group group) {
        return number("MPI_Comm_size", group);
    }

    private int number(String function, Group group) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(INT);
            check(function, (int) NativeCall.of(function(function, POINTER, POINTER), group.handle, number));
            return number.get(INT, 0);
        }
    }

    /**
     * Begins to send.
     *
     * @param message not to be touched until the transfer has ended
     * @param words {@link #TRANSFER_BYTES} for the transfer, likewise
     */
    void send(Group group, int to, MemorySegment message, MemorySegment words) {
        try {
            check("MPI_Isend to rank " + to, (int) send.invokeExact(
                    message, (int) message.byteSize(), bytes, to, 0, group.handle, words));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * {@return a message that has come from any rank; null if none has}
     *
     * @param scratch {@link #SCRATCH_BYTES} of the calling thread's own
     */
    @Nullable
    Probed probe(Group group, MemorySegment scratch) {
        MemorySegment flag = scratch.asSlice(0, 4);
        MemorySegment message = scratch.asSlice(8, 8);
        MemorySegment status = scratch.asSlice(16, STATUS_BYTES);
        try {
            check("MPI_Improbe", (int) probe.invokeExact(ANY, ANY, group.handle, flag, message, status));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        if (flag.get(INT, 0) == 0) {
            return null;
        }
        int from = status.get(INT, 0);
        // Open MPI's count of bytes; MPI_Get_count would refuse to say one of more than 31 bits.
        long length = status.get(ValueLayout.JAVA_LONG, 16);
        if (length < 0 || length > Integer.MAX_VALUE) {
            throw new RunFailedException("rank %d sent a message of %d bytes".formatted(from, length), null);
        }
        return new Probed(from, (int) length, message.get(POINTER, 0));
    }

    /** Bytes that {@link #probe} works with. */
    static final int SCRATCH_BYTES = 16 + STATUS_BYTES;

    /**
     * Begins to receive a message.
     *
     * @param into memory of its length, not to be touched until the transfer has ended
     * @param words {@link #TRANSFER_BYTES} for the transfer, likewise
     */
    void receive(Probed probed, MemorySegment into, MemorySegment words) {
        MemorySegment handle = words.asSlice(8, 8);
        handle.set(POINTER, 0, probed.handle);
        try {
            check("MPI_Imrecv from rank " + probed.from, (int) receive.invokeExact(
                    into, probed.bytes, bytes, handle, words));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Bytes that a transfer works with: request, message, flag. */
    static final int TRANSFER_BYTES = 24;

    /** Whether a transfer has ended, by its words. True only once. */
    boolean ended(MemorySegment words) {
        MemorySegment flag = words.asSlice(16, 4);
        try {
            check("MPI_Test", (int) test.invokeExact(words, flag, MemorySegment.NULL));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        return flag.get(INT, 0) != 0;
    }

    /** Ends all processes of the job; may not return. */
    void abort(int status) {
        NativeCall.of(abort, world, status);
    }

    /** Leaves the job, once all others do, too. */
    void leave() {
        check("MPI_Finalize", (int) NativeCall.of(function("MPI_Finalize")));
    }

    /** What the library calls itself, such as {@code Open MPI v4.1.4}. */
    String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(LONGEST_TEXT);
            NativeCall.of(function("MPI_Get_library_version", POINTER, POINTER), text, arena.allocate(INT));
            String all = text.getString(0);
            return all.substring(0, all.indexOf(',') < 0 ? all.length() : all.indexOf(','));
        }
    }

    /** What the library calls the host of this process. */
    String host() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(LONGEST_TEXT);
            check("MPI_Get_processor_name", (int) NativeCall.of(
                    function("MPI_Get_processor_name", POINTER, POINTER), text, arena.allocate(INT)));
            return text.getString(0);
        }
    }

    private void check(String what, int status) {
        if (status == SUCCESS) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(LONGEST_TEXT);
            NativeCall.of(errorText, status, text, arena.allocate(INT));
            throw new RunFailedException("%s failed: %s".formatted(what, text.getString(0)), null);
        }
    }
}
