package uk.ac.manchester.tornado.api;

import java.util.List;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceNotFound;

/** A driver and its devices. */
public interface TornadoBackend {
    /** The device used where none is named: the first. */
    TornadoDevice getDefaultDevice();

    /** Number of devices. */
    int getNumDevices();

    /**
     * Device by index.
     *
     * @throws TornadoDeviceNotFound if there is none
     */
    TornadoDevice getDevice(int index);

    /** All devices. */
    List<TornadoDevice> getAllDevices();

    /** Kind of the default device. */
    TornadoDeviceType getTypeDefaultDevice();

    /** Name of the driver. */
    String getName();

    /** Number of platforms. */
    int getNumPlatforms();

    /** Kind of the driver. */
    TornadoVMBackendType getBackendType();
}
