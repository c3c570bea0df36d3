package io.maseparation.parallel.calibrate;

import io.maseparation.files.ModelException;
import io.maseparation.files.Text;
import io.maseparation.moe.MemoryBudget;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.Shard;
import io.maseparation.parallel.layout.RankMemory;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;

/**
 * Whether there is memory for what is measured, asked before it is made.
 *
 * @param device where probes are
 * @param config the model
 * @param copied bytes of weights on the host that are copied for a share
 * @param sizes sizes of the steps that were asked for
 */
record ProbeRoom(Device device, ModelConfig config, ToLongFunction<Shard> copied, DeviceProbe.Sizes sizes) {
    private static final String HINT = "lower 'batch' or 'depth', or use 'kv_dtype' f16";

    /**
     * A probe's share of the model and its buffers.
     *
     * @param shard what of the model it holds
     * @param capacity sizes of its buffers
     */
    record Held(Shard shard, Capacity capacity) {}

    /** Bytes of the process's memory outside the heap that probes take together, beside the model's weights. */
    long hostBytes(List<Held> atOnce) {
        return atOnce.stream()
                .mapToLong(h -> h.capacity().hostBytes(config, h.shard()) + copied.applyAsLong(h.shard()))
                .sum();
    }

    /** Bytes of a device's own memory that probes take together. */
    long deviceBytes(List<Held> atOnce) {
        return atOnce.stream()
                .mapToLong(h -> RankMemory.of(config, h.shard(), h.capacity()).bytes())
                .sum();
    }

    /**
     * Frees what closed probes held, and refuses what does not fit.
     *
     * @param atOnce what is to be made
     * @throws ModelException if the host or the device has less
     */
    void require(List<Held> atOnce) {
        if (!device.target().embedded()) {
            // Drivers pin pages, so that arrays there go when they are garbage and not when a probe is closed.
            MemoryBudget.freeGarbage();
            requireDevice(deviceBytes(atOnce), device.freeBytes());
        }
        requireHost(hostBytes(atOnce), "");
    }

    /**
     * Refuses what the host's memory cannot take.
     *
     * @param bytes bytes needed
     * @param beside what they are for beside measurements; may be empty
     * @throws ModelException if there is less
     */
    void requireHost(long bytes, String beside) {
        MemoryBudget.require(bytes, beside + what(), HINT);
    }

    /**
     * Refuses what a device's own memory cannot take.
     *
     * @param bytes bytes needed
     * @param free bytes that are free; empty where that is not known
     * @throws ModelException if there is less
     */
    void requireDevice(long bytes, OptionalLong free) {
        if (free.isPresent() && bytes > free.getAsLong()) {
            throw new ModelException("not enough memory for %s on %s: it needs %s, %s are free; %s".formatted(
                    what(), device.name(), Text.bytes(bytes), Text.bytes(free.getAsLong()), HINT));
        }
    }

    private String what() {
        return "measurements of %s of %,d positions"
                .formatted(Text.count(sizes.mostRows(), "sequence"), sizes.contexts().getLast());
    }
}
