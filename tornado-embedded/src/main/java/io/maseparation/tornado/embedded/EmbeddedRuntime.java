package io.maseparation.tornado.embedded;

import java.util.List;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceNotFound;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/**
 * The runtime of a process without an SDK: one backend with {@value #DEVICES} devices whose memory is the host's. A
 * device costs nothing until it is used, so that every rank of a layout can have its own; {@link EmbeddedDevices} makes
 * others.
 */
public final class EmbeddedRuntime implements TornadoRuntime {
    /** The runtime. */
    public static final EmbeddedRuntime INSTANCE = new EmbeddedRuntime();

    private static final int DEVICES = 64;

    private final Backend backend = new Backend();

    private EmbeddedRuntime() {}

    @Override
    public TornadoBackend getBackend(int index) {
        if (index != 0) {
            throw new TornadoRuntimeException("no backend " + index + ": the embedded runtime has backend 0 only");
        }
        return backend;
    }

    @Override
    public void setDefaultBackend(int index) {
        // There is only one, so all that can be wrong is the index.
        getBackend(index);
    }

    @Override
    public TornadoVMBackendType getBackendType(int index) {
        return getBackend(index).getBackendType();
    }

    @Override
    public int getNumBackends() {
        return 1;
    }

    @Override
    public TornadoDevice getDefaultDevice() {
        return backend.getDefaultDevice();
    }

    private static final class Backend implements TornadoBackend {
        private final List<EmbeddedDevice> devices = EmbeddedDevices.shared(DEVICES);

        @Override
        public TornadoDevice getDefaultDevice() {
            return devices.getFirst();
        }

        @Override
        public int getNumDevices() {
            return devices.size();
        }

        @Override
        public TornadoDevice getDevice(int index) {
            if (index < 0 || index >= devices.size()) {
                throw new TornadoDeviceNotFound("no device %d: the embedded runtime has devices 0 to %d"
                        .formatted(index, devices.size() - 1));
            }
            return devices.get(index);
        }

        @Override
        public List<TornadoDevice> getAllDevices() {
            return List.copyOf(devices);
        }

        @Override
        public TornadoDeviceType getTypeDefaultDevice() {
            return getDefaultDevice().getDeviceType();
        }

        @Override
        public String getName() {
            return "embedded";
        }

        @Override
        public int getNumPlatforms() {
            return 1;
        }

        @Override
        public TornadoVMBackendType getBackendType() {
            return TornadoVMBackendType.JAVA;
        }
    }
}
