package uk.ac.manchester.tornado.api;

import java.util.List;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A driver and its devices. */
public interface TornadoBackend {
    /** The device used where none is named. */
    TornadoDevice getDefaultDevice();

    /** Number of devices. */
    int getNumDevices();

    /** Device by index. */
    TornadoDevice getDevice(int index);

    /** All devices. */
    List<TornadoDevice> getAllDevices();

    /** Name of the driver. */
    String getName();

    /** Kind of the driver. */
    TornadoVMBackendType getBackendType();
}
