package io.maseparation.moe.segments;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.KernelTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
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

    /** All devices that the runtime in use offers. */
    public static List<Device> all() {
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        List<Device> devices = new ArrayList<>();
        for (int backend = 0; backend < runtime.getNumBackends(); backend++) {
            TornadoBackend b = runtime.getBackend(backend);
            for (int i = 0; i < b.getNumDevices(); i++) {
                devices.add(of(b.getDevice(i)));
            }
        }
        return devices;
    }

    /**
     * Those of the given devices that ranks should share: of one backend, CUDA's before PTX's before OpenCL's, and of one
     * kind. SDKs with several backends offer a GPU once for each, and on devices that are not alike neither times nor the
     * last bits of sums are.
     */
    public static List<Device> alike(List<Device> devices) {
        Comparator<Device> suits = Comparator.comparing((Device d) -> d.device.getDeviceType() != TornadoDeviceType.GPU)
                .thenComparing(d -> d.device.getTornadoVMBackend() != TornadoVMBackendType.CUDA)
                .thenComparing(d -> d.device.getTornadoVMBackend() != TornadoVMBackendType.PTX);
        return devices.stream()
                .min(suits)
                .map(best -> devices.stream()
                        .filter(d -> d.backend().equals(best.backend())
                                && d.device.getDeviceType() == best.device.getDeviceType()
                                && d.hardware().equals(best.hardware()))
                        .toList())
                .orElse(List.of());
    }

    /** A device with the bodies that suit it. */
    public static Device of(TornadoDevice device) {
        return new Device(device, KernelTarget.detect(device));
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
}
