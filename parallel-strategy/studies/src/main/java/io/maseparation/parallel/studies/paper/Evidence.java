package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.cluster.Cluster;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.layout.Strategy;
import io.maseparation.parallel.search.LayoutFilter;
import io.maseparation.parallel.search.Planner;
import io.maseparation.parallel.search.SearchRequest;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Simulations that the claims are compared with.
 *
 * @param trials the paper's batch, context and GPUs under every assumption: every ratio of MA, and what it is compared
 *     with
 * @param growing the usual assumptions over batches
 * @param scaling from one device to sixteen
 * @param freest the fastest MA of any layout, attention and experts split too, under the usual assumptions
 */
record Evidence(List<Trial> trials, List<Sample> growing, List<Scaling> scaling, Optional<Point> freest) {
    private static final int LARGE = 1024;
    private static final int WEAK = 64;

    /** A layout under assumptions. */
    record Trial(Assumptions assumptions, Point point) {
        /** In words. */
        String text() {
            return point.name() + "; " + assumptions.text();
        }
    }

    /** A layout at a batch. */
    record Sample(int batch, Point point) {}

    /**
     * A scaling efficiency on sixteen devices.
     *
     * @param definition how it is computed, in words
     * @param layout what the layout is
     * @param separated whether it has attention and experts apart
     */
    record Scaling(String definition, String layout, boolean separated, double efficiency) {}

    /** How many items {@link #gather} hands to the sweep. */
    static int items(Context context) {
        return Assumptions.all().size() + batches(context).length + growths().size() + 1;
    }

    static Evidence gather(Context context) {
        return new Evidence(trials(context), growing(context), scaling(context), freest(context));
    }

    private static int[] batches(Context context) {
        return context.quick()
                ? new int[] {24, 640, 1024, 2048}
                : new int[] {24, 48, 96, 192, 288, 384, 480, 576, 640, 768, 896, 1024, 1152, 1344, 1536, 2048, 3072,
                    4608};
    }

    /** Ratios of MA, every second where few points are enough, and what they are compared with. */
    private static List<Setup> layouts(Context context) {
        Stream<Setup> ratios = Family.everyRatio(Paper.DEVICES, Family.MOST_MICRO_BATCHES).stream()
                .filter(s -> !context.quick() || ((Layout.Separated) s.layout()).attentionDevices() % 2 == 0);
        Stream<Setup> others = Stream.of(
                Paper.BASELINE.withMicroBatches(1),
                Paper.BASELINE.withMicroBatches(2),
                Layout.tensorPipeline(16, 1).withMicroBatches(1),
                Layout.expertParallel(16).withMicroBatches(1),
                Layout.expertParallel(16).withAttentionTensorParallel(8).withMicroBatches(1));
        return Stream.concat(ratios, others).toList();
    }

    private static List<Trial> trials(Context context) {
        List<Setup> layouts = layouts(context);
        return context.sweep().flatMap(Assumptions.all(), assumptions -> context.sweep()
                .simulate(context.formats().of(assumptions.config()), layouts, context.cluster(), context.scenario(
                        assumptions, Paper.BATCH, Paper.CONTEXT, context.uniform()))
                .stream()
                .map(p -> new Trial(assumptions, p))
                .toList());
    }

    private static List<Sample> growing(Context context) {
        ModelConfig config = context.model();
        List<Setup> layouts = layouts(context);
        List<Integer> batches = Arrays.stream(batches(context)).boxed().toList();
        return context.sweep().flatMap(batches, batch -> context.sweep()
                .simulate(config, layouts, context.cluster(), context.scenario(batch, Paper.CONTEXT))
                .stream()
                .map(p -> new Sample(batch, p))
                .toList());
    }

    /**
     * Ways to measure scaling.
     *
     * @param first batch of one device
     * @param last batch of sixteen
     */
    private record Growth(String definition, int first, int last) {}

    /** Some layouts, and words around the name of the fastest of them. */
    private record Group(String words, Predicate<Point> which) {}

    private static List<Growth> growths() {
        return List.of(
                new Growth("strong, batch " + Paper.BATCH, Paper.BATCH, Paper.BATCH),
                new Growth("strong, batch " + LARGE, LARGE, LARGE),
                new Growth("weak, %d sequences per GPU".formatted(WEAK), WEAK, WEAK * Paper.DEVICES));
    }

    private static List<Scaling> scaling(Context context) {
        ModelConfig config = context.model();
        Cluster one = Fleet.unlimited(Fleet.of(context.cluster(), 1));
        List<Setup> all = layouts(context);
        return context.sweep().flatMap(growths(), growth -> {
            double first = context.sweep()
                    .simulate(config, Layout.single().withMicroBatches(1), one, plain(context, growth.first()))
                    .orElseThrow()
                    .tpotMs();
            int devices = growth.last() > growth.first() ? 1 : Paper.DEVICES;
            List<Point> points =
                    context.sweep().simulate(config, all, context.cluster(), plain(context, growth.last()));
            Group ratios = new Group("best ratio of MA (%s)", Point::isSeparated);
            Group threeToOne = new Group("%s", Paper::isThreeToOne);
            Group others = new Group("best without separation (%s)", p -> !p.isSeparated());
            return Stream.of(ratios, threeToOne, others)
                    .flatMap(group -> Point.fastest(points.stream().filter(group.which()).toList())
                            .map(p -> new Scaling(growth.definition(), group.words().formatted(p.name()),
                                    p.isSeparated(),
                                    first / devices / p.tpotMs()))
                            .stream())
                    .toList();
        });
    }

    private static Scenario plain(Context context, int batch) {
        return context.scenario(batch, Paper.CONTEXT).withRouting(RoutingModel.uniform(), context.seed());
    }

    private static Optional<Point> freest(Context context) {
        SearchRequest request = SearchRequest.of(context.model(), context.cluster(),
                context.scenario(Paper.BATCH, Paper.CONTEXT))
                .withThreads(1)
                .with(LayoutFilter.of(Strategy.MA));
        return context.sweep()
                .map(List.of(request), r -> Planner.best(r).map(e -> Point.of(e.layout().setup(), e.result())))
                .getFirst();
    }

    /** Trials that satisfy something. */
    List<Trial> where(Predicate<Trial> test) {
        return trials.stream().filter(test).toList();
    }

    /** The paper's MA. */
    List<Trial> threeToOne() {
        return where(t -> Paper.isThreeToOne(t.point()));
    }

    /** The paper's baseline. */
    List<Trial> baselines() {
        return where(t -> t.point().setup().layout().equals(Paper.BASELINE));
    }

    /** The trial whose value is nearest to a claim. */
    static Trial nearest(List<Trial> trials, ToDoubleFunction<Trial> value, double claimed) {
        return trials.stream()
                .min(Comparator.comparingDouble(t -> Math.abs(value.applyAsDouble(t) - claimed)))
                .orElseThrow();
    }

    /** The fastest trial under the same assumptions. */
    static Trial fastest(List<Trial> trials, Assumptions assumptions) {
        return trials.stream()
                .filter(t -> t.assumptions().equals(assumptions))
                .min(Comparator.comparingDouble(t -> t.point().tpotMs()))
                .orElseThrow();
    }

    /** The fastest of some layouts at each batch, smallest first. */
    List<Sample> fastest(Predicate<Point> which) {
        return growing.stream()
                .map(Sample::batch)
                .distinct()
                .sorted()
                .flatMap(batch -> growing.stream()
                        .filter(s -> s.batch() == batch && which.test(s.point()))
                        .min(Comparator.comparingDouble(s -> s.point().tpotMs()))
                        .stream())
                .toList();
    }
}
