package io.maseparation.moe.segments;

import io.maseparation.kernels.KvCache;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * What is in a rank's KV cache before its first segment runs. A device makes it itself where it can, unless somebody
 * wants it on the host before that.
 */
final class CacheContents {
    private final List<KvCache> caches;
    private final Shard shard;
    private final Optional<DeviceCaches> device;
    private boolean onHost;
    private boolean made;

    /**
     * @param caches by layer
     * @param shard what the rank holds
     * @param device what makes them on the device; empty where the first segment takes them there
     */
    CacheContents(List<KvCache> caches, Shard shard, Optional<DeviceCaches> device) {
        this.caches = caches;
        this.shard = shard;
        this.device = device;
        onHost = device.isEmpty();
    }

    /**
     * Has a sequence begin with a context.
     *
     * @throws IllegalStateException if the device has made the caches
     */
    void fill(SyntheticContext.Slot context) {
        if (onHost) {
            SyntheticContext.fill(caches, shard, context);
        } else if (made) {
            throw new IllegalStateException("the caches are on the device by now");
        } else {
            device.orElseThrow().add(context);
        }
    }

    /** Has the caches on the host, from where the first segment takes them, unless the device has made them. */
    void makeOnHost() {
        if (!onHost && !made) {
            onHost = true;
            device.orElseThrow().take().forEach(context -> SyntheticContext.fill(caches, shard, context));
        }
    }

    /**
     * Makes them on the device, unless they are the host's; to be called once, before the first segment.
     *
     * @param on the device
     * @param plan the rank's plan
     * @param index place in it of the graph that makes them
     * @param appending the graph that appends to a layer, counted from the shard's first
     */
    void make(TornadoDevice on, TornadoExecutionPlan plan, int index, IntFunction<ImmutableTaskGraph> appending) {
        if (!onHost) {
            made = true;
            DeviceCaches here = device.orElseThrow();
            here.make(here.on(on, plan, appending), () -> plan.withGraph(index).execute());
        }
    }

    /** Frees what the plan has not freed, after it was closed. */
    void free() {
        device.ifPresent(DeviceCaches::free);
    }
}
