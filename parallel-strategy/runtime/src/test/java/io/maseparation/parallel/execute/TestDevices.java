package io.maseparation.parallel.execute;

import io.maseparation.moe.segments.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * Devices for tests: those of the embedded runtime that keep their memory apart, or, where a TornadoVM SDK has taken
 * its place, the SDK's.
 */
public final class TestDevices {
    private TestDevices() {}

    /** Devices that follow declared transfers. */
    public static List<Device> strict(int count) {
        return embedded(new Class<?>[] {int.class}, count).orElseGet(() -> Device.forRanks(count));
    }

    /** Devices of so many bytes each; empty where the runtime makes none to order. */
    public static Optional<List<Device>> ofSize(int count, long bytes) {
        return embedded(new Class<?>[] {int.class, long.class}, count, bytes);
    }

    /** Bytes that are allocated on an embedded device. */
    public static long used(Device device) {
        try {
            return (long) device.device().getClass().getMethod("used").invoke(device.device());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    private static Optional<List<Device>> embedded(Class<?>[] types, Object... arguments) {
        try {
            // By name: with an SDK the embedded runtime is not there to compile against.
            Object made = Class.forName("io.maseparation.tornado.embedded.EmbeddedDevices")
                    .getMethod("strict", types)
                    .invoke(null, arguments);
            List<Device> devices = new ArrayList<>();
            for (Object device : (List<?>) made) {
                devices.add(Device.of((TornadoDevice) device));
            }
            return Optional.of(devices);
        } catch (ClassNotFoundException e) {
            return Optional.empty();
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }
}
