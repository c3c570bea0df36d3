package io.maseparation.parallel.execute.rank;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.Device;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.parallel.execute.TestDevices;
import io.maseparation.parallel.execute.TestModels;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What a rank leaves on its device. */
class RankDeviceTest {
    @Property(tries = 60)
    void everyArrayIsFreed(@ForAll long seed) {
        Optional<Plan> plan = TestModels.plan(seed);
        Assume.that(plan.isPresent());
        ModelWeights weights = RandomWeights.create(plan.orElseThrow().config(), seed);
        for (RankPlan rank : plan.orElseThrow().ranks()) {
            Device strict = TestDevices.strict(1).getFirst();
            Capacity capacity = new Capacity(4, 8, 4, 64, List.of(16), DataType.F32);
            try (RankDevice device = new RankDevice(strict, weights, rank.shard(), capacity, rank.segments())) {
                // Without rows.
                rank.segments().forEach(segment -> device.run(segment.name()));
            }
            // As TornadoVM does, the device frees what transfers name, and no more.
            assertThat(TestDevices.used(strict))
                    .as("bytes left by %s", plan.orElseThrow().setup())
                    .isZero();
        }
    }

    /** Otherwise a change of layout that does not fit leaves the run with less memory. */
    @Property(tries = 15)
    void aRankThatDoesNotFitLeavesNothing(@ForAll long seed) {
        Optional<Plan> plan = TestModels.plan(seed);
        Assume.that(plan.isPresent());
        ModelWeights weights = RandomWeights.create(plan.orElseThrow().config(), seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (RankPlan rank : plan.orElseThrow().ranks()) {
            Capacity capacity = new Capacity(4, 8, 4, 64, List.of(16), DataType.F32);
            Device large = TestDevices.strict(1).getFirst();
            long atFirst;
            try (RankDevice _ = new RankDevice(large, weights, rank.shard(), capacity, rank.segments())) {
                atFirst = TestDevices.used(large);
            }
            if (atFirst > 0) {
                Device small = TestDevices.ofSize(1, random.nextLong(atFirst)).orElseThrow().getFirst();
                assertThatThrownBy(
                        () -> new RankDevice(small, weights, rank.shard(), capacity, rank.segments()).close())
                        .hasMessageContaining(" has no room for ");
                assertThat(TestDevices.used(small)).as("bytes left by %s", plan.orElseThrow().setup()).isZero();
            }
        }
    }
}
