package io.maseparation.moe.segments;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.kernels.operations.PrimaryContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/**
 * A device and what it can do. Several ranks may share one.
 *
 * @param device the TornadoVM device
 * @param target what kernels can rely on
 */
public record Device(TornadoDevice device, KernelTarget target) {
    private static final String HEADER_PROPERTY = "tornado.panama.objectHeader";

    /**
     * All devices that the runtime in use offers.
     *
     * @throws ModelException if there are two runtimes
     */
    public static List<Device> all() {
        List<Device> devices = new ArrayList<>();
        for (TornadoBackend backend : backends()) {
            for (int i = 0; i < ownDevices(backend); i++) {
                devices.add(of(backend.getDevice(i)));
            }
        }
        return devices;
    }

    private static List<TornadoBackend> backends() {
        ApiSources.requireOne();
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        return IntStream.range(0, runtime.getNumBackends())
                .mapToObj(runtime::getBackend)
                .toList();
    }

    /**
     * How many of a backend's devices compute where they say. TornadoVM 5.2's for CUDA lists all GPUs, and makes one
     * context, on the first of them, in which all of them allocate and compute.
     */
    private static int ownDevices(TornadoBackend backend) {
        int listed = backend.getNumDevices();
        return backend.getBackendType() == TornadoVMBackendType.CUDA ? Math.min(1, listed) : listed;
    }

    /** How many further devices its backend lists that are in fact this one; {@link #all} leaves them out. */
    public int aliases() {
        return backends().stream()
                .filter(b -> b.getBackendType() == sdkBackend())
                .mapToInt(b -> b.getNumDevices() - ownDevices(b))
                .sum();
    }

    /**
     * Those of the given devices that ranks should share: of one kind and one backend. GPUs go before others and
     * NVIDIA's backends before OpenCL's, of those the one with more devices, and CUDA's among equals. SDKs with several
     * backends list a GPU once for each; times and the last bits of sums differ between devices that are not alike.
     */
    public static List<Device> alike(List<Device> devices) {
        Map<Kind, List<Device>> kinds =
                devices.stream().collect(Collectors.groupingBy(Kind::of, LinkedHashMap::new, Collectors.toList()));
        return kinds.values().stream()
                .min(Comparator.comparing((List<Device> kind) -> kind.getFirst().type() != TornadoDeviceType.GPU)
                        .thenComparing(kind -> !kind.getFirst().target.nvidia())
                        .thenComparingInt(kind -> -kind.size())
                        .thenComparing(kind -> kind.getFirst().sdkBackend() != TornadoVMBackendType.CUDA))
                .orElse(List.of());
    }

    private TornadoDeviceType type() {
        return device.getDeviceType();
    }

    /** {@return whether it is a GPU, and leaves the cores alone while it computes} */
    public boolean isGpu() {
        return type() == TornadoDeviceType.GPU && !target.embedded();
    }

    private TornadoVMBackendType sdkBackend() {
        return device.getTornadoVMBackend();
    }

    /** What devices that are alike have in common. */
    private record Kind(String backend, TornadoDeviceType type, String hardware) {
        static Kind of(Device d) {
            return new Kind(d.backend(), d.type(), d.hardware());
        }
    }

    /**
     * A device with the bodies that suit it.
     *
     * @throws ModelException if TornadoVM's arrays were given another header
     */
    public static Device of(TornadoDevice device) {
        requireHeader(System.getProperty(HEADER_PROPERTY));
        return new Device(device, KernelTarget.detect(device));
    }

    /** TornadoVM 5.2 computes with other headers, and gives other results (CUDA, 64 bytes). */
    static void requireHeader(@Nullable String bytes) {
        if (bytes != null && !bytes.strip().equals("16")) {
            throw new ModelException("-D%s=%s: arrays must have TornadoVM's header of 16 bytes; leave the option out"
                    .formatted(HEADER_PROPERTY, Text.printable(bytes)));
        }
    }

    /** One device for each of {@code ranks} ranks, sharing them out in turn where there are fewer. */
    public static List<Device> forRanks(int ranks) {
        List<Device> all = alike(all());
        List<Device> chosen = new ArrayList<>();
        for (int rank = 0; rank < ranks; rank++) {
            chosen.add(all.get(rank % all.size()));
        }
        return chosen;
    }

    /** The same device with another preferred body. */
    public Device withBody(Body body) {
        return new Device(device, target.withBody(body));
    }

    /** The same device launching the tasks of a graph as one, where it can. */
    public Device withCudaGraphs() {
        return new Device(device, target.withCudaGraphs());
    }

    /** The same device multiplying without tensor cores. */
    public Device withoutTensorCores() {
        return new Device(device, target.withTensorCores(false));
    }

    /** Whether matrices of fp16 are multiplied on tensor cores. */
    public boolean multipliesOnTensorCores() {
        return target.tensorCores() && target.choose().body() == Body.GPU;
    }

    /** The same device with activations of fp16 where tensor cores multiply; elsewhere nothing changes. */
    public Device withF16Activations() {
        return new Device(device, target.withF16Activations());
    }

    /** Name of the backend: "embedded", or TornadoVM's in lower case. */
    public String backend() {
        return target.embedded()
                ? "embedded"
                : device.getTornadoVMBackend().name().toLowerCase(Locale.ROOT);
    }

    /** Name for people. */
    public String name() {
        return device.getDeviceName();
    }

    /** What it is, as its maker names it. */
    public String hardware() {
        return device.getPhysicalDevice().getDeviceName();
    }

    /** Name of the driver, and its version where that is known. */
    public String driver() {
        String platform = device.getPlatformName();
        // As the kernel module says it; TornadoVM does not tell.
        Path version = Path.of("/sys/module/nvidia/version");
        boolean nvidia = target.nvidia() || platform.contains("NVIDIA");
        if (!nvidia || !Files.isReadable(version)) {
            return platform;
        }
        try {
            return platform + " " + Files.readString(version).strip();
        } catch (IOException e) {
            return platform;
        }
    }

    /** Bytes of its memory. */
    public long memoryBytes() {
        return device.getMaxGlobalMemory();
    }

    /** Bytes of its memory that nobody holds, this process included; empty where the driver does not tell. */
    public OptionalLong freeBytes() {
        return NvidiaGpus.of(this);
    }

    /**
     * Has TornadoVM work in CUDA's primary context from now on, where libraries such as NCCL work. No plan may be
     * alive.
     *
     * @throws ModelException if that cannot be: another backend or version
     */
    public void usePrimaryContext() {
        if (!target.sharesSources()) {
            throw new ModelException("device memory goes from GPU to GPU with TornadoVM's CUDA backend only");
        }
        try {
            PrimaryContext.use(device);
        } catch (LinkageError e) {
            throw new ModelException("CUDA's primary context cannot be used: " + e.getMessage(), e);
        }
    }

    /** What no other GPU is called, on any host; empty where the driver does not tell, or it is none of NVIDIA's. */
    public Optional<String> id() {
        return NvidiaGpus.id(this);
    }

    /**
     * {@return number of NVIDIA's GPUs on this host, whatever {@code CUDA_VISIBLE_DEVICES} says; empty where there is
     * no driver} CUDA, which reads that variable when it starts, is not started.
     */
    public static OptionalInt nvidiaGpus() {
        return NvidiaGpus.gpus();
    }
}
