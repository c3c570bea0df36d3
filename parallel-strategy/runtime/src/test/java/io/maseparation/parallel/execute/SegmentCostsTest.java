package io.maseparation.parallel.execute;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelWeights;
import io.maseparation.moe.RandomWeights;
import io.maseparation.moe.segments.Capacity;
import io.maseparation.moe.segments.OperationCost;
import io.maseparation.moe.segments.RankDevice;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.moe.segments.StepShape;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.RankPlan;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** The cost model counts the tasks that devices run. */
class SegmentCostsTest {
    private static final StepShape DECODE =
            StepShape.decode(3, 7).withExperts(new StepShape.ExpertLoad(3, 4, 2, 1));

    @Property(tries = 60)
    void everyTaskOfAGraphHasItsCost(@ForAll long seed) {
        Optional<Plan> drawn = TestModels.plan(seed);
        Assume.that(drawn.isPresent());
        Plan plan = drawn.orElseThrow();
        ModelConfig config = plan.config();
        ModelWeights weights = RandomWeights.create(config, seed);
        for (RankPlan rank : plan.ranks()) {
            SegmentCosts costs = new SegmentCosts(config, rank.shard(), Format.F32);
            Capacity capacity = new Capacity(4, plan.placement().isEmpty() ? 0 : 8, 4, 64, List.of(16), DataType.F32);
            try (RankDevice device = new RankDevice(
                    TestDevices.strict(1).getFirst(), weights, rank.shard(),
                    capacity,
                    rank.segments())) {
                int received = Math.min(3, capacity.receivedRows());
                device.buffers().inputs().step().setAll(0, 0, 3, 0);
                device.buffers().received().step().setAll(0, 0, received, 0);
                long bytes = 0;
                for (Segment segment : rank.segments()) {
                    List<OperationCost> tasks = costs.of(segment, DECODE);
                    assertThat(tasks).as("%s of %s", segment, plan.setup()).hasSize(device.tasks(segment.name()));
                    assertThat(costs.transferBytes(segment, capacity, 3, received))
                            .as("bytes between host and device of %s of %s", segment, plan.setup())
                            .isEqualTo(device.transferBytes(segment.name()));
                    bytes += tasks.stream()
                            .map(OperationCost::cost)
                            .reduce(OpCost.ZERO, OpCost::plus)
                            .bytes();
                }
                assertThat(bytes).isPositive();
            }
        }
    }
}
