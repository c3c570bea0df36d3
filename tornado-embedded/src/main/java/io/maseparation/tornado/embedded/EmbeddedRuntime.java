package io.maseparation.tornado.embedded;

import java.util.List;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** The runtime of a process without an SDK: one backend, with as many devices as anyone has ranks. */
public final class EmbeddedRuntime implements TornadoRuntime {
    /** The runtime. */
    public static final EmbeddedRuntime INSTANCE = new EmbeddedRuntime();

    private static final int DEVICES = 64;

    private final Backend backend = new Backend();

    private EmbeddedRuntime() {}

    @Override
    public TornadoBackend getBackend(int index) {
        return backend;
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
            return devices.get(index);
        }

        @Override
        public List<TornadoDevice> getAllDevices() {
            return List.copyOf(devices);
        }

        @Override
        public String getName() {
            return "embedded";
        }

        @Override
        public TornadoVMBackendType getBackendType() {
            return TornadoVMBackendType.JAVA;
        }
    }
}
