package uk.ac.manchester.tornado.api.common;

import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A device. */
public interface TornadoDevice {
    /** Its name. */
    String getDeviceName();

    /** Name and kind, for people. */
    String getDescription();

    /** Name of its platform. */
    String getPlatformName();

    /** Its kind. */
    TornadoDeviceType getDeviceType();

    /** Bytes of its memory. */
    long getMaxGlobalMemory();

    /** Backend that drives it. */
    TornadoVMBackendType getTornadoVMBackend();
}
