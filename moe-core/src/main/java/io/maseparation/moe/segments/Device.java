package io.maseparation.moe.segments;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.KernelTarget;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
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

    /** A device with the bodies that suit it. */
    public static Device of(TornadoDevice device) {
        return new Device(device, KernelTarget.detect(device));
    }

    /** One device for each of {@code ranks} ranks, sharing them out in turn where there are fewer. */
    public static List<Device> forRanks(int ranks) {
        List<Device> all = all();
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

    /** Bytes of its memory. */
    public long memoryBytes() {
        return device.getMaxGlobalMemory();
    }
}
