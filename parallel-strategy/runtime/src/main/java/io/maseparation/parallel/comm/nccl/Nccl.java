package io.maseparation.parallel.comm.nccl;

import io.maseparation.files.Text;
import io.maseparation.kernels.NativeCall;
import io.maseparation.parallel.run.RunFailedException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The functions of NCCL's library that are in use, through its binary interface (version 2). */
@SuppressWarnings("restricted")
final class Nccl {
    /** Names the library's file, where the system's linker does not find it. */
    static final String PROPERTY = "ma.nccl";

    private static final String LIBRARY = "libnccl.so.2";
    static final int ID_BYTES = 128;
    private static final int FLOAT32 = 7;
    private static final int SUM = 0;
    private static final int LONGEST_TEXT = 4096;

    private static final AddressLayout POINTER = ValueLayout.ADDRESS;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong SIZE = ValueLayout.JAVA_LONG;
    private static final StructLayout ID =
            MemoryLayout.structLayout(MemoryLayout.sequenceLayout(ID_BYTES, ValueLayout.JAVA_BYTE));

    private final Linker linker = Linker.nativeLinker();
    private final SymbolLookup library;
    private final MethodHandle begin;
    private final MethodHandle end;
    private final MethodHandle send;
    private final MethodHandle receive;
    private final MethodHandle reduce;

    /**
     * A communicator.
     *
     * @param handle the library's
     */
    record Group(MemorySegment handle) {
        static final Group NONE = new Group(MemorySegment.NULL);
    }

    private Nccl(SymbolLookup library) {
        this.library = library;
        begin = function("ncclGroupStart");
        end = function("ncclGroupEnd");
        send = function("ncclSend", SIZE, SIZE, INT, INT, POINTER, SIZE);
        receive = function("ncclRecv", SIZE, SIZE, INT, INT, POINTER, SIZE);
        reduce = function("ncclAllReduce", SIZE, SIZE, SIZE, INT, INT, POINTER, SIZE);
    }

    /**
     * Finds the library.
     *
     * @throws RunFailedException if it is not installed
     */
    static Nccl load() {
        return load(System.getProperty(PROPERTY, ""));
    }

    /**
     * The same.
     *
     * @param file of the library; empty for the one that the system's linker finds
     */
    static Nccl load(String file) {
        try {
            return new Nccl(file.isEmpty()
                    ? SymbolLookup.libraryLookup(LIBRARY, Arena.global())
                    : SymbolLookup.libraryLookup(Path.of(file), Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new RunFailedException(
                    "no NCCL: %s cannot be loaded; install it, or name its file with MA_JAVA_OPTS=-D%s=PATH".formatted(
                            file.isEmpty() ? LIBRARY : Text.printable(file), PROPERTY),
                    e);
        }
    }

    private MethodHandle function(String name, MemoryLayout... arguments) {
        MemorySegment symbol = library.find(name).orElseThrow(() -> new RunFailedException(
                "no NCCL: the library that was found has no %s; NCCL 2.7 or later is needed".formatted(name), null));
        return linker.downcallHandle(symbol, FunctionDescriptor.of(INT, arguments));
    }

    /** Its version, such as 2.27.3. */
    String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(INT);
            check("ncclGetVersion", Group.NONE, (int) NativeCall.of(function("ncclGetVersion", POINTER), version));
            int number = version.get(INT, 0);
            return "%d.%d.%d".formatted(number / 10_000, number / 100 % 100, number % 100);
        }
    }

    /** What members of a communicator recognise each other by; also where they find each other. */
    byte[] newId() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment id = arena.allocate(ID);
            check("ncclGetUniqueId", Group.NONE, (int) NativeCall.of(function("ncclGetUniqueId", POINTER), id));
            return id.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Joins a communicator on the GPU of the thread's context; waits for all other members. */
    Group join(byte[] id, int rank, int size) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(ID);
            MemorySegment.copy(id, 0, whole, ValueLayout.JAVA_BYTE, 0, ID_BYTES);
            MemorySegment handle = arena.allocate(POINTER);
            check("ncclCommInitRank", Group.NONE,
                    (int) NativeCall.of(function("ncclCommInitRank", POINTER, INT, ID, INT), handle, size, whole,
                            rank));
            return new Group(handle.get(POINTER, 0));
        }
    }

    void leave(Group group) {
        check("ncclCommDestroy", Group.NONE, (int) NativeCall.of(function("ncclCommDestroy", POINTER), group.handle));
    }

    /** What is sent and received from now on moves at once, at {@link #end}. */
    void begin() {
        check("ncclGroupStart", Group.NONE, (int) NativeCall.of(begin));
    }

    void end(Group group) {
        check("ncclGroupEnd", group, (int) NativeCall.of(end));
    }

    /** Sends floats from an address of the device to a member. */
    void send(Group group, long from, long count, int to, long stream) {
        check("ncclSend", group, (int) NativeCall.of(send, from, count, FLOAT32, to, group.handle, stream));
    }

    /** Receives floats of a member at an address of the device. */
    void receive(Group group, long into, long count, int from, long stream) {
        check("ncclRecv", group, (int) NativeCall.of(receive, into, count, FLOAT32, from, group.handle, stream));
    }

    /** Adds up floats of all members. */
    void sum(Group group, long from, long into, long count, long stream) {
        check("ncclAllReduce", group,
                (int) NativeCall.of(reduce, from, into, count, FLOAT32, SUM, group.handle, stream));
    }

    private void check(String what, Group group, int status) {
        if (status == 0) {
            return;
        }
        String why = text("ncclGetErrorString", status);
        String last = library.find("ncclGetLastError").isPresent() ? text("ncclGetLastError", group.handle) : "";
        throw new RunFailedException(
                "%s failed: %s%s".formatted(what, why,
                        last.isBlank() ? "" : " (%s)".formatted(Text.line(last.strip()))),
                null);
    }

    private String text(String name, Object argument) {
        MemoryLayout type = argument instanceof Integer ? INT : POINTER;
        MethodHandle function =
                linker.downcallHandle(library.find(name).orElseThrow(), FunctionDescriptor.of(POINTER, type));
        MemorySegment text = (MemorySegment) NativeCall.of(function, argument);
        return text.equals(MemorySegment.NULL) ? "" : text.reinterpret(LONGEST_TEXT).getString(0);
    }
}
