package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankMemory;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class MemoryCheckTest {
    private final Plan plan = Planning.plan(Presets.config("tiny"), Layout.separated(1, 2));
    private final List<RankMemory> memory = plan.ranks().stream()
            .map(rank -> RankMemory.of(
                    plan.config(), rank.shard(),
                    new Capacity(4, rank.shard().attention().isPresent() ? 8 : 0, 4, 64, List.of(16),
                            DataType.F32)))
            .toList();
    private final Device device = TestDevices.strict(1).getFirst();
    private final List<Device> shared = Collections.nCopies(3, device);

    @Test
    void ranksOfOneDeviceShareWhatIsFree() {
        long needed = memory.stream().mapToLong(RankMemory::bytes).sum();
        assertThatCode(() -> check(shared, OptionalLong.of(needed))).doesNotThrowAnyException();
        assertThatThrownBy(() -> check(shared, OptionalLong.of(needed - 1)))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("3 ranks on " + device.name() + " need ")
                .hasMessageContaining("are free: end what holds the rest, or");
    }

    @Test
    void aDeviceThatDoesNotTellIsTaken() {
        assertThatCode(() -> check(shared, OptionalLong.empty())).doesNotThrowAnyException();
    }

    @Test
    void eachDeviceIsLookedAtByItself() {
        List<Device> three = TestDevices.strict(3);
        long most = memory.stream().mapToLong(RankMemory::bytes).max().orElseThrow();
        assertThatCode(() -> check(three, OptionalLong.of(most))).doesNotThrowAnyException();
        assertThatThrownBy(() -> check(three, OptionalLong.of(most - 1)))
                .isInstanceOf(PlanException.class)
                .hasMessageContaining("rank ")
                .hasMessageContaining(" needs ");
    }

    private void check(List<Device> devices, OptionalLong free) {
        MemoryCheck.checkFree(plan, memory, devices, plan.ranks(), d -> free);
    }
}
