package io.maseparation.tornado.embedded;

import java.util.concurrent.atomic.AtomicLong;
import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * A device made of this process's threads and memory. Its limits for groups are those that every recent NVIDIA GPU has,
 * so that a kernel that asks for more fails here too. Safe for use by plans on several threads.
 *
 * <p>A device is <em>shared</em> (its memory is the host's; transfers do nothing, arrays are held once) or
 * <em>strict</em> (every graph of a plan has copies of its own, which the declared transfers alone connect with the
 * host). Strict devices are for tests: what they let pass, TornadoVM runs.
 *
 * <p>Where a strict device is stricter than TornadoVM 5.2:
 * <ul>
 * <li>an array that is read without having been transferred or written is NaN, or for integers no index; TornadoVM
 * sends it silently at the first execution;
 * <li>what a copy holds is gone after the execution unless something declares it to stay (a copied input, an output
 * that can be asked for, persisted, consumed); TornadoVM happens to keep it;
 * <li>consuming what the graph executed before did not persist fails with a message, there with a NullPointerException;
 * <li>a result that is asked for where no selected graph has it is an error; TornadoVM does nothing.
 * </ul>
 *
 * <p>And where it cannot be as strict: TornadoVM does not send an array to a task that it takes for one that only
 * writes it, so what such a task leaves unwritten is garbage there, and the host's values here. Numbers passed to a
 * task are constants, types of arguments are not checked against a kernel's, and any Java runs as a kernel.
 *
 * <p>On both, tasks with a KernelContext run as groups of work-items on all processors, with the limits of a GPU (1024
 * work-items and 48 KiB of local memory per group, warps of 32). Divergence at a barrier or a warp operation is an
 * error. Tasks with parallel loops run as the loops they are, in order.
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
