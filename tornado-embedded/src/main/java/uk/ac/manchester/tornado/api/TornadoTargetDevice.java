package uk.ac.manchester.tornado.api;

/** What a device is made of. */
public interface TornadoTargetDevice {
    /** Its name. */
    String getDeviceName();

    /** Bytes of memory. */
    long getDeviceGlobalMemorySize();

    /** Bytes of local memory that a group may have. */
    long getDeviceLocalMemorySize();

    /** Units that run groups at the same time. */
    int getDeviceMaxComputeUnits();

    /** Work-items of a group in each dimension, at most. */
    long[] getDeviceMaxWorkItemSizes();

    /** Work-items of a group, at most. */
    long[] getDeviceMaxWorkGroupSize();

    /** Work-items of a group, at most. */
    int getMaxThreadsPerBlock();

    /** Clock in MHz; 0 where unknown. */
    int getDeviceMaxClockFrequency();

    /** Bytes of constant memory; 0 where there is none. */
    long getDeviceMaxConstantBufferSize();

    /** Bytes of one array, at most. */
    long getDeviceMaxAllocationSize();

    /** One line for people. */
    String getDeviceInfo();
}
