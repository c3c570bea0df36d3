package io.maseparation.parallel.search;

import static org.assertj.core.api.Assertions.assertThat;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Operation;
import io.maseparation.moe.Format;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.Presets;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.cluster.Clusters;
import io.maseparation.parallel.cluster.DeviceKind;
import io.maseparation.parallel.cluster.Launch;
import io.maseparation.parallel.cluster.OperationRate;
import io.maseparation.parallel.cluster.Profile;
import io.maseparation.parallel.cluster.RelativeErrors;
import io.maseparation.parallel.cluster.ShapeTimes;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import io.maseparation.parallel.simulate.Conditions;
import io.maseparation.parallel.simulate.MemoryFit;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.simulate.SharedLoads;
import io.maseparation.parallel.simulate.Simulation;
import io.maseparation.parallel.simulate.TestClusters;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** A bound that is above what it bounds would make the search miss the best. */
class LowerBoundTest {
    private static final double ROUNDING = 1e-9;

    private static final List<ModelConfig> MODELS =
            List.of(Presets.config("seed"), Presets.config("tiny"), Presets.config("olmoe-1b-7b"),
                    someLayers("deepseek-v3", 2, 4), someLayers("gpt-oss-20b", 0, 2));

    private static ModelConfig someLayers(String preset, int from, int to) {
        ModelConfig config = Presets.config(preset);
        return config.withLayers(config.layers().subList(from, to));
    }

    private static Format format(SplittableRandom random) {
        return Format.named().get(random.nextInt(Format.named().size()));
    }

    /** Clusters with tables of kernels, whose times are neither convex nor monotone. */
    private static final List<String> MEASURED = List.of("a100", "h100", "h200");

    /** A kind of device as a calibration leaves it: rates by operation, and times by shape that are off from them. */
    private static DeviceKind calibrated(SplittableRandom random, DeviceKind kind) {
        Map<Operation, OperationRate> rates = new EnumMap<>(Operation.class);
        for (Operation operation : Operation.values()) {
            OperationRate rate = new OperationRate(
                    1e-6 * random.nextInt(5), 1e9 * (1 + random.nextInt(99)), 1e11 * (1 + random.nextInt(99)), 0);
            List<ShapeTimes.Curve> curves = new ArrayList<>();
            int sizes = switch (operation) {
                case EXPERT_UP, EXPERT_DOWN -> 3;
                case DECODE_ATTENTION, QKV_PROJECTION, PROJECTION, ROUTER -> 2;
                default -> 0;
            };
            for (int i = 0; i < 3 * sizes; i++) {
                List<Integer> shape = random.ints(sizes, 1, 2000).boxed().toList();
                curves.add(new ShapeTimes.Curve(shape, random.ints(4, 1, 5000).distinct().sorted()
                        .mapToObj(n -> new ShapeTimes.Point(n, 1e-6 * (1 + random.nextInt(100)), 1e4 * n, 1e6 * n))
                        .toList()));
            }
            rates.put(operation, rate.with(curves));
        }
        return new DeviceKind(kind.name(), kind.memoryBytes(), kind.roofline(), kind.launches(), kind.pricePerHour(),
                kind.hostBytesPerSecond(), kind.collectiveShare(), rates);
    }

    @Property(tries = 400)
    void noSimulationIsFaster(@ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig model = MODELS.get(random.nextInt(MODELS.size()));
        ModelConfig config = random.nextBoolean() ? model : model.withWeightFormat(format(random));
        int devices = 1 + random.nextInt(12);
        Cluster cluster = (random.nextInt(3) > 0
                ? TestClusters.random(random, devices)
                : Clusters.named(MEASURED.get(random.nextInt(MEASURED.size())) + "x" + devices))
                .withKinds(kind -> random.nextInt(3) > 0 ? kind : calibrated(random, kind))
                .with(new Profile(Math.abs(seed % 2) * 1e-3, RelativeErrors.USUAL, List.of()));
        List<PlacedLayout> layouts = SearchedLayouts.of(SearchRequest.of(config, cluster, Scenario.decode(1, 1))
                .with(LayoutFilter.usual().with(EnumSet.allOf(CombineMode.class))));
        PlacedLayout direct = layouts.get(random.nextInt(layouts.size()));
        PlacedLayout layout = random.nextBoolean() ? direct : NodeDispatch.of(direct, cluster).orElse(direct);
        Scenario scenario =
                Scenario.decode(1 + random.nextInt(random.nextBoolean() ? 40 : 600), 1 + random.nextInt(512))
                        .withRouting(RoutingModel.zipf(random.nextInt(3) * 0.6), random.nextLong())
                        .withSteps(2 + random.nextInt(4), 1 + random.nextInt(2));
        Conditions conditions = Conditions.USUAL
                .withLmHead(random.nextBoolean())
                .withFormats(random.nextBoolean() ? DataType.F16 : DataType.F32, random.nextBoolean() ? 2 : 4);
        if (random.nextBoolean()) {
            conditions = conditions.withLaunch(Launch.EAGER);
        }
        if (random.nextBoolean()) {
            conditions = conditions.withKvFormat(format(random));
        }
        Simulation simulation;
        try {
            simulation = new Simulation(layout.plan(config), cluster, scenario.with(conditions));
            new MemoryFit(simulation).check();
        } catch (PlanException e) {
            return;
        }
        double bound = LowerBound.tpotMs(simulation, new ExpertCounts(config));
        double withMessages = LowerBound.tpotMsWithMessages(
                simulation, new ExpertCounts(config), new SharedLoads());
        double simulated = simulation.run(false).tpotMs();

        assertThat(bound).as("%s", layout.setup().name()).isPositive().isLessThanOrEqualTo(withMessages);
        assertThat(withMessages).as("%s", layout.setup().name())
                .isLessThanOrEqualTo(simulated * (1 + ROUNDING));
    }

    /** Segments of all stages have one name. */
    @Test
    void stagesWithLayersThatDifferHaveTheirOwnTimes() {
        ModelConfig seed = Presets.config("seed");
        List<ModelConfig.Layer> layers = new ArrayList<>(seed.layers());
        for (int i = 1; i < layers.size(); i++) {
            ModelConfig.Layer layer = layers.get(i);
            layers.set(i, new ModelConfig.Layer(
                    layer.routing(), layer.expertWidth(), layer.extraWidth(), 16, layer.formats()));
        }
        ModelConfig config = seed.withLayers(layers);
        Plan plan = Planning.plan(config, Layout.tensorPipeline(1, 4).withMicroBatches(1));
        Simulation simulation = new Simulation(plan, TestClusters.ideal(4), Scenario.decode(64, 2000));
        double bound = LowerBound.tpotMs(simulation, new ExpertCounts(config));

        assertThat(bound).isPositive().isLessThanOrEqualTo(simulation.run(false).tpotMs() * (1 + ROUNDING));
    }

    @Test
    void oneRankHasNothingElseToWaitFor() {
        ModelConfig config = Presets.config("seed");
        Cluster cluster = TestClusters.ideal(1);
        Scenario scenario = Scenario.decode(24, 2048);
        Plan plan =
                SearchedLayouts.of(SearchRequest.of(config, cluster, Scenario.decode(1, 1))).getFirst().plan(config);
        Simulation simulation = new Simulation(plan, cluster, scenario);
        double bound = LowerBound.tpotMs(simulation, new ExpertCounts(config));

        assertThat(simulation.run(false).tpotMs())
                .isBetween(bound * (1 - ROUNDING), bound * 1.0001);
    }

    /** Nobody is in the way of the only micro-batch, so that a bound with messages leaves out next to nothing. */
    @Test
    void withMessagesOneMicroBatchOfPoolsIsBoundedClosely() {
        ModelConfig config = Presets.config("olmoe-1b-7b");
        Cluster cluster = Clusters.named("a100x16");
        Plan direct = Planning.plan(config, Layout.separated(8, 8).withMicroBatches(1));
        PlacedLayout placed = new PlacedLayout(direct.setup(), direct.devices());
        for (PlacedLayout layout : List.of(placed, NodeDispatch.of(placed, cluster).orElseThrow())) {
            Simulation simulation = new Simulation(layout.plan(config), cluster, Scenario.decode(512, 1024));
            double simulated = simulation.run(false).tpotMs();
            double without = LowerBound.tpotMs(simulation, new ExpertCounts(config));
            double with = LowerBound.tpotMsWithMessages(simulation, new ExpertCounts(config), new SharedLoads());

            assertThat(with).as("%s", layout.setup().name())
                    .isBetween(0.97 * simulated, simulated * (1 + ROUNDING));
            assertThat(without).isLessThan(0.9 * simulated);
        }
    }
}
