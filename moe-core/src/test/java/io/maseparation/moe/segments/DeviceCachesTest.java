package io.maseparation.moe.segments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** What makes caches on a device, run by the embedded runtime, beside what fills them on the host. */
class DeviceCachesTest {
    private static final int LAYERS = 3;
    private static final int BLOCKS = 5;
    private static final int HEADS = 4;
    private static final int HEAD_DIM = 12;

    private final Device device = Device.all().getFirst();
    private final Shard shard = new Shard(
            7, 7 + LAYERS, Optional.of(new Shard.Heads(16, 24, 8, 12, 2, 3)), Optional.empty(), false,
            Optional.empty());

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16"})
    void theyAreThoseOfTheHost(DataType type) throws TornadoExecutionPlanException {
        List<SyntheticContext.Slot> contexts = List.of(
                new SyntheticContext.Slot(-5, 3, 2, 2 * KvCache.BLOCK + 9),
                new SyntheticContext.Slot(-5, 0, 0, 30));
        List<KvCache> expected = caches(type);
        contexts.forEach(context -> SyntheticContext.fill(expected, shard, context));
        List<KvCache> made = caches(type);
        arrays(made).forEach(array -> array.getSegment().fill((byte) 1));
        DeviceCaches caches = new DeviceCaches(made, shard, device.target(), new GridScheduler());
        contexts.forEach(caches::add);
        List<MemorySegment> contents = new ArrayList<>();

        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(caches.graph())) {
            plan.withDevice(device.device());
            caches.make(
                    (layer, array, instead, run) -> {
                        run.run();
                        contents.add(MemorySegment.ofArray(instead.getSegment()
                                .toArray(ValueLayout.JAVA_BYTE)));
                        assertThat(array).isSameAs(arrays(made).get(contents.size() - 1));
                        assertThat(arrays(List.of(made.get(layer)))).contains(array);
                    },
                    plan::execute);
        }

        List<TornadoNativeArray> wanted = arrays(expected);
        assertThat(contents).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.size(); i++) {
            assertThat(contents.get(i).mismatch(wanted.get(i).getSegment()))
                    .as("array %d of %s", i, type)
                    .isEqualTo(-1);
        }
    }

    @Test
    void contextsOfOneCacheHaveOneSeed() {
        DeviceCaches caches = new DeviceCaches(caches(DataType.F32), shard, device.target(), new GridScheduler());
        caches.add(new SyntheticContext.Slot(1, 0, 0, 5));

        assertThatThrownBy(() -> caches.add(new SyntheticContext.Slot(2, 1, 1, 5)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("seeds 1 and 2");
        assertThat(caches.take()).hasSize(1);
        assertThat(caches.take()).isEmpty();
    }

    /** Before it is read or written, not after. */
    @Test
    void whoCopiesFromOrToAHostCacheHasItMadeThere() {
        List<KvCache> source = caches(DataType.F32);
        List<KvCache> target = caches(DataType.F32);
        HostKv from = new HostKv(source, () -> arrays(source).forEach(array -> array.getSegment().fill((byte) 1)));
        HostKv to = new HostKv(target, () -> arrays(target).forEach(array -> array.getSegment().fill((byte) 2)));

        to.copyFrom(from, block -> block, block -> block, 0, KvCache.BLOCK);

        MemorySegment keys = target.getFirst().part(0).keys().getSegment();
        assertThat(keys.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
        assertThat(keys.get(ValueLayout.JAVA_BYTE, keys.byteSize() - 1)).isEqualTo((byte) 2);
    }

    @Test
    void whatTheDeviceHasMadeTheHostDoesNotFill() {
        List<KvCache> caches = caches(DataType.F32);
        CacheContents host = new CacheContents(caches, shard, Optional.empty());
        host.fill(new SyntheticContext.Slot(1, 0, 0, 5));
        List<KvCache> wanted = caches(DataType.F32);
        SyntheticContext.fill(wanted, shard, new SyntheticContext.Slot(1, 0, 0, 5));
        assertSame(caches, wanted);

        // The device would make them, but the host wants them before it does.
        List<KvCache> taken = caches(DataType.F32);
        CacheContents before = new CacheContents(
                taken, shard, Optional.of(new DeviceCaches(taken, shard, device.target(), new GridScheduler())));
        before.fill(new SyntheticContext.Slot(1, 0, 0, 5));
        assertSame(taken, caches(DataType.F32));
        before.makeOnHost();
        before.makeOnHost();
        assertSame(taken, wanted);
        before.fill(new SyntheticContext.Slot(1, 2, 3, 7));
        SyntheticContext.fill(wanted, shard, new SyntheticContext.Slot(1, 2, 3, 7));
        assertSame(taken, wanted);
    }

    private static void assertSame(List<KvCache> actual, List<KvCache> expected) {
        for (int i = 0; i < arrays(expected).size(); i++) {
            assertThat(arrays(actual).get(i).getSegment().mismatch(arrays(expected).get(i).getSegment()))
                    .as("array %d", i)
                    .isEqualTo(-1);
        }
    }

    /** With heads in two arrays. */
    private static List<KvCache> caches(DataType type) {
        List<KvCache> caches = new ArrayList<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            List<TornadoNativeArray> keys = new ArrayList<>();
            List<TornadoNativeArray> values = new ArrayList<>();
            for (int part = 0; part < 2; part++) {
                keys.add(DeviceArrays.of(type, BLOCKS * HEADS / 2 * KvCache.BLOCK * HEAD_DIM));
                values.add(DeviceArrays.of(type, BLOCKS * HEADS / 2 * KvCache.BLOCK * HEAD_DIM));
            }
            caches.add(new KvCache(type, HEADS, HEAD_DIM, keys, values));
        }
        return caches;
    }

    /** In the order in which they are made. */
    private static List<TornadoNativeArray> arrays(List<KvCache> caches) {
        List<TornadoNativeArray> arrays = new ArrayList<>();
        for (KvCache cache : caches) {
            for (int part = 0; part < cache.parts(); part++) {
                arrays.add(cache.part(part).keys());
                arrays.add(cache.part(part).values());
            }
        }
        return arrays;
    }
}
