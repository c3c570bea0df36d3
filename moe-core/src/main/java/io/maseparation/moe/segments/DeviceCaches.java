package io.maseparation.moe.segments;

import static io.maseparation.kernels.KvCache.BLOCK;

import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.operations.DeviceRoom;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.KernelTarget;
import io.maseparation.kernels.operations.RandomCache;
import io.maseparation.moe.UniformValues;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The KV cache of a rank, made on a device with a memory of its own: the host's memory for it stays untouched until
 * somebody wants the cache there.
 */
final class DeviceCaches {
    private final List<KvCache> caches;
    private final Shard shard;
    private final RandomCache.Context context;
    private final ImmutableTaskGraph graph;
    private final List<SyntheticContext.Slot> contexts = new ArrayList<>();
    /** Kept as long as the device has the caches. */
    private final List<DeviceRoom> rooms = new ArrayList<>();

    /** One task makes the keys, and the values, of all groups of heads of all layers, one after the other. */
    DeviceCaches(List<KvCache> caches, Shard shard, KernelTarget target, GridScheduler grid) {
        this.caches = caches;
        this.shard = shard;
        KvCache.Part part = caches.getFirst().part(0);
        int block = part.heads() * BLOCK * part.cache().headDim();
        context = new RandomCache.Context(
                DeviceArrays.ints(RandomCache.STREAM),
                DeviceArrays.ints(3 * (part.keys().getSize() / block)),
                RandomCache.values(part.cache().type()));
        KernelGraph g = new KernelGraph("cache", target, grid);
        g.input(context.stream());
        g.constant(context.blocks(), context.values());
        g.workspace(part.keys());
        RandomCache.add(g, "random", context, part, part.keys());
        graph = g.build();
    }

    /**
     * {@return what makes a rank's caches; empty where the host has to}
     *
     * @param caches by layer, all of one size
     * @param shard what the rank holds
     * @param target the device
     * @param grid receives the worker grid
     */
    static Optional<DeviceCaches> of(List<KvCache> caches, Shard shard, KernelTarget target, GridScheduler grid) {
        return DeviceRoom.possible() && RandomCache.possible(caches.getFirst().headDim())
                ? Optional.of(new DeviceCaches(caches, shard, target, grid))
                : Optional.empty();
    }

    /** {@return the graph that does it, as a plan takes it} */
    ImmutableTaskGraph graph() {
        return graph;
    }

    /** Has a sequence begin with a context. */
    void add(SyntheticContext.Slot slot) {
        if (!contexts.isEmpty() && contexts.getFirst().seed() != slot.seed()) {
            throw new IllegalArgumentException("contexts of one cache with seeds %d and %d"
                    .formatted(contexts.getFirst().seed(), slot.seed()));
        }
        contexts.add(slot);
    }

    /** {@return the contexts so far, which the device does not make any more} */
    List<SyntheticContext.Slot> take() {
        List<SyntheticContext.Slot> taken = List.copyOf(contexts);
        contexts.clear();
        return taken;
    }

    /** Has arrays where the graph finds them. */
    @FunctionalInterface
    interface Rooms {
        /**
         * Runs the graph on an array.
         *
         * @param layer the array's layer, counted from the shard's first
         * @param array keys or values
         * @param instead the graph's own array, of the same size
         * @param run what runs the graph
         */
        void lend(int layer, TornadoNativeArray array, TornadoNativeArray instead, Runnable run);
    }

    /** {@return rooms on a device, where the graphs that append to the layers have not made any yet} */
    Rooms on(TornadoDevice device, TornadoExecutionPlan plan, IntFunction<ImmutableTaskGraph> appending) {
        return (layer, array, instead, run) -> {
            DeviceRoom room = new DeviceRoom(appending.apply(layer), plan, device, array);
            rooms.add(room);
            room.make();
            room.lend(graph, instead, run);
        };
    }

    /**
     * Makes the caches.
     *
     * @param places where they are
     * @param run runs {@link #graph}, whose plan captures no graphs yet
     */
    void make(Rooms places, Runnable run) {
        describe();
        long seed = contexts.isEmpty() ? 0 : contexts.getFirst().seed();
        TornadoNativeArray any = caches.getFirst().part(0).keys();
        for (int layer = 0; layer < caches.size(); layer++) {
            long key = SyntheticContext.layerKey(seed, shard.firstLayer() + layer);
            context.stream().set(0, (int) key);
            context.stream().set(1, (int) (key >>> Integer.SIZE));
            for (int i = 0; i < caches.get(layer).parts(); i++) {
                KvCache.Part part = caches.get(layer).part(i);
                context.stream().set(2, shard.attention().orElseThrow().kvFrom() + part.firstHead());
                context.stream().set(3, SyntheticContext.KEYS);
                places.lend(layer, part.keys(), any, run);
                context.stream().set(3, SyntheticContext.VALUES);
                places.lend(layer, part.values(), any, run);
            }
        }
    }

    /** Frees rooms of graphs that have not run, when the plan is closed. */
    void free() {
        rooms.forEach(DeviceRoom::free);
        rooms.clear();
    }

    /** Says what is where. */
    private void describe() {
        UniformValues.of(caches.getFirst().type(), 1).table(context.values().getSegment());
        for (SyntheticContext.Slot slot : contexts) {
            for (int start = 0; start < slot.depth(); start += BLOCK) {
                int at = 3 * (slot.firstBlock() + start / BLOCK);
                context.blocks().set(at, slot.sequence());
                context.blocks().set(at + 1, start);
                context.blocks().set(at + 2, Math.min(BLOCK, slot.depth() - start));
            }
        }
    }
}
