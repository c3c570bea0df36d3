package io.maseparation.moe.segments;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What TornadoVM does not tell of NVIDIA GPUs: how much of the memory nobody holds, from NVIDIA's management library
 * (NVML), by the GPU's place on the bus, since that library and CUDA may number GPUs differently; which GPU it is; and
 * how many there are, before CUDA starts.
 */
@SuppressWarnings("restricted")
final class NvidiaGpus {
    private static final System.Logger LOG = System.getLogger(NvidiaGpus.class.getName());
    private static final Pattern NUMBER = Pattern.compile("(\\d+)$");
    private static final int NAME_BYTES = 32;
    private static final int ID_BYTES = 16;
    private static final String MANAGEMENT = "libnvidia-ml.so.1";

    private final Arena arena;
    private final SymbolLookup cuda;
    private final SymbolLookup management;

    private NvidiaGpus(Arena arena) {
        this.arena = arena;
        cuda = SymbolLookup.libraryLookup("libcuda.so.1", arena);
        management = SymbolLookup.libraryLookup(MANAGEMENT, arena);
    }

    /** What is asked of a GPU, by CUDA's number of it. */
    @FunctionalInterface
    private interface Question<T> {
        T of(NvidiaGpus libraries, int gpu) throws Throwable;
    }

    /** {@return bytes that are free on the GPU; empty where nobody tells, or the device is none of NVIDIA's} */
    static OptionalLong of(Device device) {
        return ask(device, NvidiaGpus::free).map(OptionalLong::of).orElseGet(OptionalLong::empty);
    }

    /** {@return what no other GPU is called, on any host; empty where nobody tells, or it is none of NVIDIA's} */
    static Optional<String> id(Device device) {
        return ask(device, NvidiaGpus::id);
    }

    private static <T> Optional<T> ask(Device device, Question<T> question) {
        Matcher number = NUMBER.matcher(device.name());
        if (!device.target().nvidia() || !isAllowed() || !number.find()) {
            return Optional.empty();
        }
        try (Arena arena = Arena.ofConfined()) {
            return Optional.of(question.of(new NvidiaGpus(arena), Integer.parseInt(number.group(1))));
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) {
            LOG.log(System.Logger.Level.DEBUG, "what is known of " + device.name(), e);
            return Optional.empty();
        }
    }

    private static boolean isAllowed() {
        return NvidiaGpus.class.getModule().isNativeAccessEnabled();
    }

    /** {@return number of NVIDIA's GPUs on this host, without starting CUDA; empty where there is no such driver} */
    static OptionalInt gpus() {
        if (!isAllowed()) {
            return OptionalInt.empty();
        }
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup management = SymbolLookup.libraryLookup(MANAGEMENT, arena);
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            require("nvmlInit_v2", management);
            try {
                require("nvmlDeviceGetCount_v2", management, count);
            } finally {
                require("nvmlShutdown", management);
            }
            return OptionalInt.of(count.get(ValueLayout.JAVA_INT, 0));
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) {
            LOG.log(System.Logger.Level.DEBUG, "number of GPUs", e);
            return OptionalInt.empty();
        }
    }

    private String id(int gpu) throws Throwable {
        MemorySegment handle = arena.allocate(ValueLayout.JAVA_INT);
        require("cuDeviceGet", cuda, handle, gpu);
        MemorySegment id = arena.allocate(ID_BYTES);
        require("cuDeviceGetUuid_v2", cuda, id, handle.get(ValueLayout.JAVA_INT, 0));
        return HexFormat.of().formatHex(id.toArray(ValueLayout.JAVA_BYTE));
    }

    private long free(int gpu) throws Throwable {
        MemorySegment handle = arena.allocate(ValueLayout.JAVA_INT);
        require("cuDeviceGet", cuda, handle, gpu);
        MemorySegment place = arena.allocate(NAME_BYTES);
        require("cuDeviceGetPCIBusId", cuda, place, NAME_BYTES, handle.get(ValueLayout.JAVA_INT, 0));
        require("nvmlInit_v2", management);
        try {
            MemorySegment found = arena.allocate(ValueLayout.ADDRESS);
            require("nvmlDeviceGetHandleByPciBusId_v2", management, place, found);
            // Total, free, used.
            MemorySegment memory = arena.allocate(ValueLayout.JAVA_LONG, 3);
            require("nvmlDeviceGetMemoryInfo", management, found.get(ValueLayout.ADDRESS, 0), memory);
            return memory.getAtIndex(ValueLayout.JAVA_LONG, 1);
        } finally {
            require("nvmlShutdown", management);
        }
    }

    /** Calls a function that returns 0 where it worked. */
    private static void require(String name, SymbolLookup library, Object... arguments) throws Throwable {
        FunctionDescriptor type = FunctionDescriptor.of(ValueLayout.JAVA_INT);
        for (Object argument : arguments) {
            type = type.appendArgumentLayouts(
                    argument instanceof MemorySegment ? ValueLayout.ADDRESS : ValueLayout.JAVA_INT);
        }
        MemorySegment function =
                library.find(name).orElseThrow(() -> new IllegalStateException("no function " + name));
        Object status = Linker.nativeLinker().downcallHandle(function, type).invokeWithArguments(arguments);
        if ((int) status != 0) {
            throw new IllegalStateException("%s returned %s".formatted(name, status));
        }
    }
}
