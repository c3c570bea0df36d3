package io.maseparation.moe.segments;

import io.maseparation.kernels.NativeCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

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
        T of(NvidiaGpus libraries, int gpu);
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
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.DEBUG, "what is known of " + device.name(), e);
            return Optional.empty();
        }
    }

    private static boolean isAllowed() {
        return Stream.of(NvidiaGpus.class, NativeCall.class).allMatch(c -> c.getModule().isNativeAccessEnabled());
    }

    /** {@return number of NVIDIA's GPUs on this host, without starting CUDA; empty where there is no such driver} */
    static OptionalInt gpus() {
        if (!isAllowed()) {
            return OptionalInt.empty();
        }
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup management = SymbolLookup.libraryLookup(MANAGEMENT, arena);
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            NativeCall.require(management, "nvmlInit_v2");
            try {
                NativeCall.require(management, "nvmlDeviceGetCount_v2", count);
            } finally {
                NativeCall.require(management, "nvmlShutdown");
            }
            return OptionalInt.of(count.get(ValueLayout.JAVA_INT, 0));
        } catch (VirtualMachineError e) {
            throw e;
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.DEBUG, "number of GPUs", e);
            return OptionalInt.empty();
        }
    }

    private String id(int gpu) {
        MemorySegment handle = arena.allocate(ValueLayout.JAVA_INT);
        NativeCall.require(cuda, "cuDeviceGet", handle, gpu);
        MemorySegment id = arena.allocate(ID_BYTES);
        NativeCall.require(cuda, "cuDeviceGetUuid_v2", id, handle.get(ValueLayout.JAVA_INT, 0));
        return HexFormat.of().formatHex(id.toArray(ValueLayout.JAVA_BYTE));
    }

    private long free(int gpu) {
        MemorySegment handle = arena.allocate(ValueLayout.JAVA_INT);
        NativeCall.require(cuda, "cuDeviceGet", handle, gpu);
        MemorySegment place = arena.allocate(NAME_BYTES);
        NativeCall.require(cuda, "cuDeviceGetPCIBusId", place, NAME_BYTES, handle.get(ValueLayout.JAVA_INT, 0));
        NativeCall.require(management, "nvmlInit_v2");
        try {
            MemorySegment found = arena.allocate(ValueLayout.ADDRESS);
            NativeCall.require(management, "nvmlDeviceGetHandleByPciBusId_v2", place, found);
            // Total, free, used.
            MemorySegment memory = arena.allocate(ValueLayout.JAVA_LONG, 3);
            NativeCall.require(management, "nvmlDeviceGetMemoryInfo", found.get(ValueLayout.ADDRESS, 0), memory);
            return memory.getAtIndex(ValueLayout.JAVA_LONG, 1);
        } finally {
            NativeCall.require(management, "nvmlShutdown");
        }
    }
}
