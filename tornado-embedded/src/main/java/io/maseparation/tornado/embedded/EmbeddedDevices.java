package io.maseparation.tornado.embedded;

import java.util.List;
import java.util.stream.IntStream;

/** Makes devices. Each is one of its own, whatever its name: ranks and tests do not share any by accident. */
public final class EmbeddedDevices {
    private EmbeddedDevices() {}

    /** Devices whose memory is the host's: transfers do nothing, and arrays are held once. */
    public static List<EmbeddedDevice> shared(int count) {
        return make(count, false, Long.MAX_VALUE);
    }

    /**
     * Devices that keep copies of their own and follow the declared transfers, as a GPU does: what is not transferred
     * in is NaN, what is not transferred out never reaches the host.
     */
    public static List<EmbeddedDevice> strict(int count) {
        return make(count, true, Long.MAX_VALUE);
    }

    /** Strict devices with {@code memory} bytes each. */
    public static List<EmbeddedDevice> strict(int count, long memory) {
        return make(count, true, memory);
    }

    private static List<EmbeddedDevice> make(int count, boolean strict, long memory) {
        if (count < 0 || memory < 0) {
            throw new IllegalArgumentException("%d devices of %,d bytes".formatted(count, memory));
        }
        return IntStream.range(0, count)
                .mapToObj(i -> new EmbeddedDevice(i, strict, memory))
                .toList();
    }
}
