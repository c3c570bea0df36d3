package io.maseparation.tornado.embedded;

import java.util.concurrent.atomic.AtomicLong;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A device made of this process's threads and memory. */
public final class EmbeddedDevice implements TornadoDevice {
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

    /** Takes device memory; false if there is not enough. */
    public boolean reserve(long bytes) {
        return used.addAndGet(bytes) <= memory || giveBack(bytes);
    }

    private boolean giveBack(long bytes) {
        free(bytes);
        return false;
    }

    /** Gives device memory back. */
    public void free(long bytes) {
        used.addAndGet(-bytes);
    }

    /** Bytes of device memory in use. */
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
    public TornadoDeviceType getDeviceType() {
        return TornadoDeviceType.CPU;
    }

    @Override
    public long getMaxGlobalMemory() {
        return memory;
    }

    @Override
    public TornadoVMBackendType getTornadoVMBackend() {
        return TornadoVMBackendType.JAVA;
    }

    @Override
    public String toString() {
        return getDeviceName();
    }
}
