package io.maseparation.parallel.simulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.maseparation.kernels.DataType;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.HostSharing;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.cluster.LaunchTimes;
import io.maseparation.parallel.cluster.Links;
import io.maseparation.parallel.cluster.Roofline;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.layout.RankPlan;
import io.maseparation.parallel.layout.Role;
import io.maseparation.parallel.layout.Schedule;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What holds for every simulation, whatever the plan and the cluster. */
class InvariantsTest {
    private static final ModelConfig SEED = Presets.config("seed");
    /** Greedy scheduling is not monotone (Graham 1966): less work may make a step longer by a little. */
    private static final double ANOMALY = 1.08;
    /**
     * Taking turns can be faster where a step is bound by experts that are unevenly loaded: by up to 12 % in 1,500
     * layouts, in three of them by more than 8 %.
     */
    private static final double TURNS = 1.2;

    private static final double ROUNDING = 1e-9;

    /** Clusters with measured times of kernels by shape. */
    private static final List<String> MEASURED = List.of("a100", "h100", "h200");

    private static Setup layout(SplittableRandom random) {
        int groups = 1 + random.nextInt(4);
        int slices = 1 << random.nextInt(3);
        int split = 1 << random.nextInt(3);
        int copies = 1 + random.nextInt(2);
        Layout layout =
                switch (random.nextInt(6)) {
                    case 0 -> Layout.single();
                    case 1 -> Layout.tensorPipeline(1 << random.nextInt(4), 1 + random.nextInt(4))
                            .withDataParallel(copies);
                    case 2 -> Layout.expertParallel(1 + random.nextInt(16)).withDataParallel(copies);
                    case 3 -> Layout.expertParallel(groups * slices).withAttentionTensorParallel(slices);
                    case 4 -> Layout
                            .separated(groups * slices, (1 + random.nextInt(4)) * split * Math.min(copies, groups))
                            .withAttentionTensorParallel(slices)
                            .withExpertTensorParallel(split)
                            .withExpertReplicas(Math.min(copies, groups));
                    default -> Layout.separated(1 + random.nextInt(8), 1 + random.nextInt(8));
                };
        if (layout.expertGroups() > 0 && random.nextInt(3) == 0) {
            layout = layout.withCombine(CombineMode.SUMS);
        }
        if (layout.expertGroups() > 0 && random.nextInt(3) == 0) {
            layout = layout.withDispatch(Dispatch.byNode(layout.ranks(), rank -> rank / 4));
        }
        return layout.withMicroBatches(1 + random.nextInt(3))
                .withSchedule(random.nextInt(4) == 0 ? Schedule.BARRIER : Schedule.ASYNC);
    }

    private static Scenario scenario(SplittableRandom random) {
        Scenario scenario = Scenario.decode(1 + random.nextInt(64), 1 + random.nextInt(2048))
                .withRouting(new ZipfRouting(random.nextInt(3) * 0.6), random.nextLong())
                .withSteps(4, 1 + random.nextInt(2));
        Conditions conditions = Conditions.USUAL
                .withLmHead(random.nextBoolean())
                .withFormats(random.nextBoolean() ? DataType.F16 : DataType.F32, random.nextBoolean() ? 2 : 4);
        return scenario.with(random.nextBoolean() ? conditions : conditions.withLaunch(Launch.EAGER));
    }

    @Property(tries = 150)
    void boundsStreamsAndCausalityHold(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Plan plan = Planning.plan(SEED, layout(random));
        Cluster cluster = random.nextInt(3) > 0
                ? TestClusters.random(random, plan.ranks().size())
                : Clusters.named(MEASURED.get(random.nextInt(MEASURED.size())) + "x" + plan.ranks().size())
                        .withKinds(kind -> kind.withMemory(1e12));
        Scenario scenario = scenario(random);
        SimulationResult result = new Simulation(plan, cluster, scenario).run(true);

        assertThat(result.tps() * result.tpotMs() / 1e3).isEqualTo(scenario.batch(), within(ROUNDING));
        assertThat(result.tpotMs()).isGreaterThanOrEqualTo(result.bounds().layoutMs() * (1 - ROUNDING));
        assertThat(result.tpotMs()).isGreaterThanOrEqualTo(result.bounds().clusterMs() * (1 - ROUNDING));
        for (SimulationResult.Rank rank : result.ranks()) {
            assertThat(rank.busy()).isBetween(0.0, 1.0);
            assertThat(rank.transferBusy()).isBetween(0.0, 1 + ROUNDING);
        }
        assertThat(result.use().mbu()).isBetween(0.0, 1 + ROUNDING);
        assertThat(result.use().memoryEfficiency()).isBetween(0.0, 1 + ROUNDING);
        assertThat(result.criticalPath().values().stream().mapToDouble(s -> s).sum()).isEqualTo(1, within(1e-6));
        assertOneThingAtATime(result.timeline());
    }

    /** Shares of a rank's streams that its timeline shows are never in use twice at once. */
    private static void assertOneThingAtATime(List<TimelineEvent> events) {
        Map<List<Object>, List<TimelineEvent>> streams = new HashMap<>();
        events.forEach(e -> streams.computeIfAbsent(List.of(e.rank(), e.stream()), k -> new ArrayList<>()).add(e));
        streams.values().forEach(stream -> {
            stream.sort(Comparator.comparingLong(TimelineEvent::startNanos)
                    .thenComparingLong(TimelineEvent::endNanos));
            for (int i = 1; i < stream.size(); i++) {
                // Nanoseconds are rounded.
                assertThat(stream.get(i).startNanos())
                        .as("%s after %s", stream.get(i), stream.get(i - 1))
                        .isGreaterThanOrEqualTo(stream.get(i - 1).endNanos() - 1);
            }
        });
    }

    @Property(tries = 60)
    void nothingStartsBeforeItsCauseAndEveryTokenComesOut(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Plan plan = Planning.plan(SEED, layout(random));
        Cluster cluster = TestClusters.random(random, plan.ranks().size());
        Scenario scenario = scenario(random);
        Simulation simulation = new Simulation(plan, cluster, scenario);
        MemoryFit memory = new MemoryFit(simulation);
        Batches batches = Batches.decode(
                memory.shares(), scenario.context(), scenario.warmup() + scenario.steps());
        EngineRun run = EngineRun.of(simulation, batches, memory);
        for (Log.Entry entry : run.log().entries()) {
            assertThat(entry.end()).isGreaterThanOrEqualTo(entry.start());
            if (entry.cause() != Log.NONE) {
                assertThat(entry.start()).isGreaterThanOrEqualTo(run.log().end(entry.cause()) - 1e-12);
            }
        }
        int tokens = 0;
        for (int group = 0; group < batches.groups(); group++) {
            for (int m = 0; m < batches.microBatches(); m++) {
                for (int step = 0; step < batches.steps(); step++) {
                    int rows = batches.of(group, m, step).count();
                    assertThat(Double.isNaN(run.tokens().of(group, m)[step])).isEqualTo(rows == 0);
                    tokens += rows;
                    if (step > 0 && rows > 0) {
                        assertThat(run.tokens().of(group, m)[step]).isGreaterThan(run.tokens().of(group, m)[step - 1]);
                    }
                }
            }
        }
        assertThat(tokens).isEqualTo(scenario.batch() * batches.steps());
        assertAllPairsServed(plan, scenario, batches, run);
    }

    /** Σ expert counts = tokens × k. */
    private static void assertAllPairsServed(Plan plan, Scenario scenario, Batches batches, EngineRun run) {
        ExpertMap map = new ExpertMap(plan);
        for (int layer = 0; layer < SEED.layers().size(); layer++) {
            int pairs = 0;
            for (int m = 0; m < batches.microBatches(); m++) {
                for (int group = 0; group < map.groups(); group++) {
                    pairs += run.loads().of(layer, m, batches.steps() - 1).load(group).pairs();
                }
            }
            assertThat(pairs)
                    .isEqualTo(scenario.batch() * SEED.layers().get(layer).routing().topK());
        }
    }

    @Property(tries = 60)
    void moreIsNeverMuchSlower(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Plan plan = Planning.plan(SEED, layout(random));
        Cluster cluster = TestClusters.random(random, plan.ranks().size());
        Scenario scenario = scenario(random).withSteps(12, 2);
        double tpot = tpot(plan, cluster, scenario);
        assertThat(tpot(plan, TestClusters.scaled(cluster, 2, 1, 1), scenario)).isLessThanOrEqualTo(tpot * ANOMALY);
        assertThat(tpot(plan, TestClusters.scaled(cluster, 1, 2, 1), scenario)).isLessThanOrEqualTo(tpot * ANOMALY);
        assertThat(tpot(plan, TestClusters.scaled(cluster, 1, 1, 0.5), scenario)).isLessThanOrEqualTo(tpot * ANOMALY);
        Scenario longer = scenario.with(scenario.batch(), Math.min(2048, 2 * scenario.context()));
        assertThat(tpot(plan, cluster, longer)).isGreaterThanOrEqualTo(tpot / ANOMALY);
        Scenario larger = scenario.with(2 * scenario.batch(), scenario.context());
        assertThat(tpot(plan, cluster, larger)).isGreaterThanOrEqualTo(tpot / ANOMALY);
        Plan barrier = Planning.plan(SEED, plan.setup().withSchedule(Schedule.BARRIER));
        Plan async = Planning.plan(SEED, plan.setup().withSchedule(Schedule.ASYNC));
        assertThat(tpot(barrier, cluster, scenario)).isGreaterThanOrEqualTo(tpot(async, cluster, scenario) / TURNS);
    }

    private static double tpot(Plan plan, Cluster cluster, Scenario scenario) {
        return new Simulation(plan, cluster, scenario).run(false).tpotMs();
    }

    @Property(tries = 30)
    void aSeedReproducesARun(@ForAll long seed) {
        SimulationResult[] results = new SimulationResult[2];
        for (int i = 0; i < 2; i++) {
            SplittableRandom random = new SplittableRandom(seed);
            Plan plan = Planning.plan(SEED, layout(random));
            results[i] =
                    new Simulation(plan, TestClusters.random(random, plan.ranks().size()), scenario(random)).run(true);
        }
        assertThat(results[0].tpotMs()).isEqualTo(results[1].tpotMs());
        assertThat(results[0].timeline()).isEqualTo(results[1].timeline());
    }

    @Property(tries = 30)
    void aSingleRankIsTheSumOfItsOperations(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Plan plan = Planning.plan(SEED, Layout.single());
        Cluster cluster = TestClusters.random(random, 1);
        Scenario scenario = scenario(random);
        Simulation simulation = new Simulation(plan, cluster, scenario);
        MemoryFit memory = new MemoryFit(simulation);
        Batches batches = Batches.decode(
                memory.shares(), scenario.context(), scenario.warmup() + scenario.steps());
        Costs costs = new Costs(simulation, batches, new ExpertLoads(simulation, batches),
                new CollectiveTimes(cluster, scenario.conditions().collectives()), memory);
        double sum = 0;
        RankPlan rank = plan.ranks().getFirst();
        for (int step = scenario.warmup(); step < batches.steps(); step++) {
            for (var segment : rank.segments()) {
                sum += costs.compute(0, segment.name(), 0, step).seconds();
            }
        }
        assertThat(tpot(plan, cluster, scenario)).isEqualTo(sum / scenario.steps() * 1e3, within(1e-6));
    }

    @Test
    void aPipelineOfTwoEqualStagesAndOneMicroBatchIdlesHalfAndWithTwoHardlyAtAll() {
        Scenario scenario = Scenario.decode(24, 2048).with(Conditions.USUAL.withLmHead(false));
        Cluster cluster = TestClusters.ideal(16);
        SimulationResult one =
                new Simulation(Planning.plan(SEED, Layout.tensorPipeline(8, 2)), cluster, scenario).run(false);
        assertThat(one.use().busyAttention()).isEqualTo(0.5, within(1e-6));
        // Stages that take turns among micro-batches wherever they wait would stay at a half.
        SimulationResult two =
                new Simulation(Planning.plan(SEED, Layout.tensorPipeline(8, 2).withMicroBatches(2)), cluster,
                        scenario).run(false);
        assertThat(two.use().busyAttention()).isGreaterThan(0.9);
    }

    @Test
    void ranksThatShareOneHostShareItsSpeed() {
        Cluster own = TestClusters.ideal(2);
        Cluster shared = new Cluster("host", "", own.kinds(), own.devices(),
                new Links(own.links().intraNode(), own.links().interNode(), Double.POSITIVE_INFINITY),
                new HostSharing(2, 0, 1, 0), List.of(), List.of());
        Scenario scenario = Scenario.decode(8, 512).with(Conditions.USUAL.withLmHead(false));
        Plan tensor = Planning.plan(SEED, Layout.tensorPipeline(2, 1));
        Plan single = Planning.plan(SEED, Layout.single());
        assertThat(tpot(tensor, own, scenario)).isLessThan(0.6 * tpot(single, own, scenario));
        // Two halves at half the speed: as long as the whole.
        assertThat(tpot(tensor, shared, scenario)).isBetween(
                0.95 * tpot(single, shared, scenario), 1.1 * tpot(single, shared, scenario));
        // Both move data all the time, and there is one memory to move it from.
        assertThat(new Simulation(tensor, shared, scenario).run(false).use().mbu()).isBetween(0.9, 1.1);
    }

    @Test
    void ranksOnOneDeviceHaveItsBandwidthAndPriceOnce() {
        Cluster cluster = TestClusters.ideal(4);
        Plan apart = Planning.plan(SEED, Layout.expertParallel(4));
        Scenario scenario = Scenario.decode(8, 512);
        SimulationResult four = new Simulation(apart, cluster, scenario).run(false);
        SimulationResult one = new Simulation(apart.withDevices(List.of(0, 0, 0, 0)), cluster, scenario).run(false);

        assertThat(one.bounds().clusterMs()).isEqualTo(4 * four.bounds().clusterMs(), within(ROUNDING));
        assertThat(one.use().mbu() * one.tpotMs()).isEqualTo(4 * four.use().mbu() * four.tpotMs(), within(ROUNDING));
        assertThat(one.speed().pricePerMillionTokens() * one.tps())
                .isEqualTo(four.speed().pricePerMillionTokens() * four.tps() / 4, within(ROUNDING));
        // Nothing waits for anything but the device, which is at work all the time.
        assertThat(one.bounds().layoutMs()).isBetween(0.95 * one.tpotMs(), one.tpotMs() * (1 + ROUNDING));
    }

    @Test
    void aCopyThatIsThroughBeforeAnotherHasWarmedUpIsBusyAllTheSame() {
        DeviceKind fast = TestClusters.ideal(1).kinds().getFirst();
        DeviceKind slow = TestClusters.kind("slow", 80e9,
                new Roofline(fast.roofline().bytesPerSecond() / 50, fast.roofline().flopsPerSecond() / 50, 1, 1),
                new LaunchTimes(0, 0, 0));
        Cluster cluster = new Cluster("unequal", "", List.of(fast, slow),
                List.of(new Cluster.Device(0, 0), new Cluster.Device(1, 0)),
                new Links(TestClusters.ideal(1).links().intraNode(), TestClusters.ideal(1).links().interNode(),
                        Double.POSITIVE_INFINITY),
                HostSharing.NONE, List.of(), List.of());
        Plan copies = Planning.plan(SEED, Layout.tensorPipeline(1, 1).withDataParallel(2));
        SimulationResult result = new Simulation(copies, cluster, Scenario.decode(4, 512)).run(true);

        for (SimulationResult.Rank rank : result.ranks()) {
            assertThat(rank.busy()).isEqualTo(1, within(1e-6));
            // A step of either is the same work.
            assertThat(rank.work().bytesMoved()).isCloseTo(result.ranks().getFirst().work().bytesMoved(),
                    withinPercentage(15));
        }
        assertThat(result.bounds().layoutMs()).isPositive().isLessThanOrEqualTo(result.tpotMs() * (1 + ROUNDING));
        assertThat(result.timeline()).isNotEmpty().allMatch(e -> e.startNanos() >= 0 && e.endNanos() >= e.startNanos());
    }

    @Test
    void expertRanksHoldNoKvAndAttentionRanksNoExperts() {
        SimulationResult result = new Simulation(Planning.plan(SEED, Layout.separated(12, 4)),
                TestClusters.ideal(16), Scenario.decode(24, 2048)).run(false);
        for (SimulationResult.Rank rank : result.ranks()) {
            boolean expert = result.simulation().plan().ranks().get(rank.rank()).role() == Role.EXPERT;
            assertThat(rank.memory().kvBytes() == 0).isEqualTo(expert);
            // Four layers of four experts of two matrices of 4096 × 16384 in fp16.
            assertThat(rank.memory().weightBytes() > 4e9).isEqualTo(expert);
        }
    }
}
