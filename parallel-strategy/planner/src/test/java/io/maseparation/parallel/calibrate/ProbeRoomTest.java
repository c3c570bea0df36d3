package io.maseparation.parallel.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.files.ModelException;
import io.maseparation.kernels.ArrayMemory;
import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.Presets;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;

/** What measurements take of the memory is known before it is taken. */
@DisabledIfEnvironmentVariable(named = "TORNADOVM_HOME", matches = ".+", disabledReason = "embedded devices only")
class ProbeRoomTest {
    private static final ModelConfig TINY = Presets.config("tiny");
    private static final Device DEVICE = Device.forRanks(1).getFirst();

    @Test
    void probesTakeNoMoreThanIsCountedForThem() {
        ModelWeights weights = RandomWeights.create(TINY, 0);
        weights.awaitMade();
        for (int batch : new int[] {1, 64}) {
            ProbeRoom room = room(batch);
            RankPlan rank = Planning.plan(TINY, Layout.tensorPipeline(2, 1)).ranks().getFirst();
            long counted = room.hostBytes(GpuMeasurements.held(room, List.of(rank)));
            long before = ArrayMemory.bytes();
            try (DeviceProbe probe = new DeviceProbe(DEVICE, weights, rank, room.sizes(), true)) {
                assertThat(probe).isNotNull();
                assertThat(ArrayMemory.bytes() - before).isBetween(counted / 2, counted);
            }
            assertThat(ArrayMemory.bytes()).isEqualTo(before);
        }
    }

    @Test
    void whatADeviceCannotHoldIsRefused() {
        ProbeRoom room = room(64);
        RankPlan single = Planning.plan(TINY, Layout.single()).ranks().getFirst();
        long bytes = room.deviceBytes(GpuMeasurements.held(room, List.of(single)));
        assertThat(bytes).isGreaterThan(single.shard().weightBytes(TINY));
        room.requireDevice(bytes, OptionalLong.of(bytes));
        room.requireDevice(bytes, OptionalLong.empty());
        assertThatThrownBy(() -> room.requireDevice(bytes, OptionalLong.of(bytes - 1)))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("not enough memory for measurements of 64 sequences of 300 positions on ")
                .hasMessageContaining("lower 'batch' or 'depth', or use 'kv_dtype' f16");
    }

    private static ProbeRoom room(int batch) {
        return new ProbeRoom(DEVICE, TINY, shard -> 0, DeviceProbe.Sizes.usual(TINY, DataType.F32, batch, 300));
    }
}
