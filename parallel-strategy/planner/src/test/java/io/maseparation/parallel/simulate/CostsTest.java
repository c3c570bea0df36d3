package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.SegmentCosts;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class CostsTest {
    private static final ModelConfig TINY = Presets.config("tiny");
    private static final double HOST = 1e9;

    /** Small buffers go through the host as a whole, those of the rank; of what ranks exchange a step's rows do. */
    @Property(tries = 60)
    void everyRankIsChargedForItsOwnBuffers(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Plan plan = Planning.plan(TINY, Layout.separated(1 + random.nextInt(4), 1 + random.nextInt(2))
                .withMicroBatches(1 + random.nextInt(2)));
        Cluster cluster = TestClusters.ideal(plan.ranks().size())
                .withKinds(k -> k.with(k.roofline(), k.launches(), HOST, rate -> rate));
        Simulation simulation = new Simulation(plan, cluster, Scenario.decode(1 + random.nextInt(12), 16));
        MemoryFit memory = new MemoryFit(simulation);
        Batches batches = Batches.decode(memory.shares(), 16, 1);
        ExpertLoads loads = new ExpertLoads(simulation, batches);
        Costs costs = new Costs(simulation, batches, loads,
                new CollectiveTimes(cluster, simulation.scenario().conditions().collectives()), memory);

        for (RankPlan rank : plan.ranks()) {
            SegmentCosts own = new SegmentCosts(TINY, rank.shard(), simulation.scenario().conditions().kvFormat());
            for (Segment segment : rank.segments()) {
                TaskCost cost = costs.compute(rank.rank(), segment.name(), 0, 0);
                if (cost.bytes() > 0) {
                    boolean attends = rank.shard().attention().isPresent();
                    int rows = attends ? batches.of(rank.group(), 0, 0).shape().rows() : 0;
                    int received = attends
                            ? 0
                            : loads.of(segment.layers().getFirst().experts().orElseThrow().layer(), 0, 0)
                                    .load(plan.placement().groupOf(rank.rank()))
                                    .rows();
                    assertThat(cost.transferSeconds())
                            .as("%s of rank %d of %s", segment.name(), rank.rank(), plan.setup().name())
                            .isEqualTo(own.transferBytes(segment, memory.of(rank.rank()).capacity(), rows, received)
                                    / HOST, within(1e-15));
                }
            }
        }
    }
}
