package io.maseparation.tornado.embedded;

import java.util.concurrent.atomic.AtomicLong;
import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * A device made of this process's threads and memory. Its limits for groups are those that every recent NVIDIA GPU has,
 * so that a kernel that asks for more fails here too. Safe for use by plans on several threads.
 */
public final class EmbeddedDevice implements TornadoDevice, TornadoTargetDevice {
    /** Work-items of a group, at most. */
    public static final int MAX_GROUP = 1024;

    /** Bytes of local memory of a group, at most: what a kernel may declare statically in CUDA. */
    public static final int LOCAL_MEMORY = 48 << 10;

    private static final int MAX_GROUP_Z = 64;

    private final int index;
    private final boolean strict;
    private final long memory;
    private final AtomicLong used = new AtomicLong();

    EmbeddedDevice(int index, boolean strict, long memory) {
        this.index = index;
        this.strict = strict;
        this.memory = memory;
    }

    /** Whether host and device copies are kept apart. */
    public boolean isStrict() {
        return strict;
    }

    /** Takes bytes of device memory for the runtime; false, and nothing taken, if there are not enough. */
    public boolean reserve(long bytes) {
        if (used.addAndGet(bytes) <= memory) {
            return true;
        }
        release(bytes);
        return false;
    }

    /** Gives bytes of device memory back. */
    public void release(long bytes) {
        used.addAndGet(-bytes);
    }

    /** Bytes of device memory in use by all plans; 0 where device memory is host memory. */
    public long used() {
        return used.get();
    }

    @Override
    public String getDeviceName() {
        return "embedded-" + index;
    }

    @Override
    public String getDescription() {
        return strict ? "JVM threads, device memory kept apart" : "JVM threads, memory shared with the host";
    }

    @Override
    public String getPlatformName() {
        return "JVM " + Runtime.version();
    }

    @Override
    public TornadoTargetDevice getPhysicalDevice() {
        return this;
    }

    @Override
    public TornadoDeviceType getDeviceType() {
        return TornadoDeviceType.CPU;
    }

    @Override
    public TornadoVMBackendType getTornadoVMBackend() {
        return TornadoVMBackendType.JAVA;
    }

    @Override
    public int getBackendIndex() {
        return 0;
    }

    @Override
    public long getMaxAllocMemory() {
        return memory;
    }

    @Override
    public long getMaxGlobalMemory() {
        return memory;
    }

    @Override
    public long getDeviceLocalMemorySize() {
        return LOCAL_MEMORY;
    }

    @Override
    public long[] getDeviceMaxWorkgroupDimensions() {
        return new long[] {MAX_GROUP, MAX_GROUP, MAX_GROUP_Z};
    }

    @Override
    public long getDeviceGlobalMemorySize() {
        return memory;
    }

    @Override
    public int getDeviceMaxComputeUnits() {
        return Runtime.getRuntime().availableProcessors();
    }

    @Override
    public long[] getDeviceMaxWorkItemSizes() {
        return getDeviceMaxWorkgroupDimensions();
    }

    @Override
    public long[] getDeviceMaxWorkGroupSize() {
        return new long[] {MAX_GROUP};
    }

    @Override
    public int getMaxThreadsPerBlock() {
        return MAX_GROUP;
    }

    @Override
    public int getDeviceMaxClockFrequency() {
        return 0;
    }

    @Override
    public long getDeviceMaxConstantBufferSize() {
        return 0;
    }

    @Override
    public long getDeviceMaxAllocationSize() {
        return memory;
    }

    @Override
    public String getDeviceInfo() {
        return getDeviceName() + ": " + getDescription();
    }

    @Override
    public String toString() {
        return getDeviceName();
    }
}
