package io.maseparation.moe.segments;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much of an NVIDIA GPU's memory nobody holds, which TornadoVM does not tell: from NVIDIA's management library
 * (NVML), by the GPU's place on the bus, since that library and CUDA may number GPUs differently.
 */
@SuppressWarnings("restricted")
final class FreeMemory {
    private static final System.Logger LOG = System.getLogger(FreeMemory.class.getName());
    private static final Pattern NUMBER = Pattern.compile("(\\d+)$");
    private static final int NAME_BYTES = 32;

    private final Arena arena;
    private final SymbolLookup cuda;
    private final SymbolLookup management;

    private FreeMemory(Arena arena) {
        this.arena = arena;
        cuda = SymbolLookup.libraryLookup("libcuda.so.1", arena);
        management = SymbolLookup.libraryLookup("libnvidia-ml.so.1", arena);
    }

    /** {@return bytes that are free on the GPU; empty where nobody tells, or the device is none of NVIDIA's} */
    static OptionalLong of(Device device) {
        Matcher number = NUMBER.matcher(device.name());
        if (!device.target().nvidia() || !FreeMemory.class.getModule().isNativeAccessEnabled() || !number.find()) {
            return OptionalLong.empty();
        }
        try (Arena arena = Arena.ofConfined()) {
            return OptionalLong.of(new FreeMemory(arena).free(Integer.parseInt(number.group(1))));
        } catch (VirtualMachineError e) {
            throw e;
        } catch (Throwable e) {
            LOG.log(System.Logger.Level.DEBUG, "free memory of " + device.name(), e);
            return OptionalLong.empty();
        }
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
