package uk.ac.manchester.tornado.api.common;

import uk.ac.manchester.tornado.api.TornadoTargetDevice;
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

    /** What it is made of. */
    TornadoTargetDevice getPhysicalDevice();

    /** Its kind. */
    TornadoDeviceType getDeviceType();

    /** Bytes of one array, at most. */
    long getMaxAllocMemory();

    /** Bytes of its memory. */
    long getMaxGlobalMemory();

    /** Bytes of local memory that a group may have. */
    long getDeviceLocalMemorySize();

    /** Work-items of a group in each dimension, at most. */
    long[] getDeviceMaxWorkgroupDimensions();

    /** Index of its backend. */
    int getBackendIndex();

    /** Processors of the host. */
    default int getAvailableProcessors() {
        return Runtime.getRuntime().availableProcessors();
    }

    /** Backend that drives it. */
    TornadoVMBackendType getTornadoVMBackend();
}
