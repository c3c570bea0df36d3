package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Setup;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.BarChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.search.Evaluation;
import io.maseparation.parallel.search.LayoutFilter;
import io.maseparation.parallel.search.LayoutKind;
import io.maseparation.parallel.search.Planner;
import io.maseparation.parallel.search.SearchRequest;
import io.maseparation.parallel.search.SearchResult;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The best of MA against the best without separation, for other models. */
final class ModelsStudy extends Study {
    private static final int STEPS = 4;
    private static final int MOST_MICRO_BATCHES = 3;
    private static final int LARGE = 1024;

    private final List<Variant> variants;
    private final int[] batches;

    /**
     * A model.
     *
     * @param known whether it has a vocabulary of its own, so that the output projection counts
     */
    private record Variant(String name, ModelConfig config, boolean known) {}

    private record Place(Variant variant, int batch) {}

    private record Sample(Place place, Optional<Evaluation> ma, Optional<Evaluation> colocated) {
        double change() {
            return ma.isPresent() && colocated.isPresent()
                    ? ma.get().result().tpotMs() / colocated.get().result().tpotMs() - 1
                    : Double.NaN;
        }
    }

    ModelsStudy(Context context) {
        super("other models", context);
        variants = context.quick() ? variants().subList(0, 2) : variants();
        batches = context.quick() ? new int[] {Paper.BATCH} : new int[] {Paper.BATCH, LARGE};
    }

    private static List<Variant> variants() {
        ModelConfig seed = Assumptions.USUAL.config();
        ModelConfig.Layer layer = seed.layers().getFirst();
        int width = layer.expertWidth();
        int experts = layer.routing().experts();
        int topK = layer.routing().topK();
        List<Variant> all = new ArrayList<>();
        all.add(variant("the paper's: 16 experts of 16384, top-2, 32 KV heads", seed, seed.kvHeads(), experts, topK,
                width));
        for (int n : new int[] {8, 32, 64, 128, 256}) {
            all.add(variant("%d experts of %d".formatted(n, width * experts / n), seed, seed.kvHeads(), n, topK,
                    width * experts / n));
        }
        for (int k : new int[] {1, 4, 8}) {
            all.add(variant("top-" + k, seed, seed.kvHeads(), experts, k, width));
        }
        for (int w : new int[] {2048, 8192}) {
            all.add(variant("16 experts of " + w, seed, seed.kvHeads(), experts, topK, w));
        }
        for (int heads : new int[] {8, 4, 1}) {
            all.add(variant("%d KV heads".formatted(heads), seed, heads, experts, topK, width));
        }
        for (String preset : List.of("mixtral-8x7b", "olmoe-1b-7b", "qwen3-30b-a3b")) {
            all.add(new Variant(preset, Models.preset(preset), true));
        }
        return all;
    }

    private static Variant variant(String name, ModelConfig of, int kvHeads, int experts, int topK, int width) {
        return new Variant(name, Models.variant(of, name, kvHeads, experts, topK, width, of.vocab()), false);
    }

    @Override
    int items() {
        return variants.size() * batches.length;
    }

    @Override
    List<Section> run() {
        List<Place> places = new ArrayList<>();
        // The largest first, so that no thread is left alone with one of them at the end.
        for (Variant variant : variants.reversed()) {
            for (int batch : batches) {
                places.add(new Place(variant, batch));
            }
        }
        List<Sample> samples = context.sweep().map(places, this::sample).stream()
                .sorted(Comparator.comparingInt(s -> variants.indexOf(s.place().variant()) * LARGE * 2
                        + s.place().batch()))
                .toList();
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        List<String> paragraphs = List.of(
                "For each model the fastest MA layout against the fastest layout without separation, both searched over"
                        + " ratios, attention and experts split or whole, up to 3 micro-batches, and for the others every TP×PP×DP"
                        + " and EP. Variants differ from the paper's model in what their name says; 8 to 256 experts share the same"
                        + " total width. Presets count the output projection.");
        for (int batch : batches) {
            List<Sample> of = samples.stream().filter(s -> s.place().batch() == batch).toList();
            BarChart chart = new BarChart(
                    "MA against the best without separation, batch " + batch,
                    new Axis("TPOT", "ms", Scale.LINEAR), List.of("MA, best", "without separation, best"))
                    .note(context.note() + "; context " + Paper.CONTEXT);
            of.forEach(s -> chart.group(s.place().variant().name(), tpot(s.ma()), tpot(s.colocated())));
            figures.add(Figure.of(chart, "TPOT by model at batch " + batch + "."));
            double[] changes = of.stream().mapToDouble(Sample::change).filter(Double::isFinite).sorted().toArray();
            findings.add("At batch %d MA is faster for %d of %d models, between %s and %s TPOT.".formatted(
                    batch, Arrays.stream(changes).filter(change -> change < 0).count(), of.size(),
                    Numbers.change(changes.length == 0 ? Double.NaN : changes[0]),
                    Numbers.change(changes.length == 0 ? Double.NaN : changes[changes.length - 1])));
        }
        Table table = table(samples);
        figures.add(Figure.of(table.select("model", "batch", "ma_layout", "ma_tpot_ms", "colocated_layout",
                "colocated_tpot_ms", "change_of_tpot_by_ma"), "The layouts."));
        return List.of(new Section("Other models", paragraphs, findings, figures, "models.csv", table));
    }

    private Sample sample(Place place) {
        Scenario scenario = context.scenario(place.batch(), Paper.CONTEXT).withSteps(STEPS, 1);
        SearchRequest request = SearchRequest.of(
                context.formats().of(place.variant().config()),
                context.cluster(),
                scenario.with(scenario.conditions().withLmHead(place.variant().known())))
                .withThreads(1)
                .with(LayoutFilter.usual().where(ModelsStudy::searched));
        try {
            SearchResult found = Planner.search(request);
            return new Sample(place, found.best(LayoutKind.MA), found.bestColocated());
        } catch (PlanException e) {
            return new Sample(place, Optional.empty(), Optional.empty());
        }
    }

    /**
     * Searching thousands of layouts per model would take minutes: only every second ratio, and no copies of experts.
     */
    private static boolean searched(Setup setup) {
        return setup.layout().ranks() == Paper.DEVICES
                && setup.batching().microBatches() <= MOST_MICRO_BATCHES
                && (!(setup.layout() instanceof Layout.Separated ma)
                        || (ma.expertReplicas() == 1 && ma.attentionDevices() % 2 == 0));
    }

    private static double tpot(Optional<Evaluation> evaluation) {
        return evaluation.map(e -> e.result().tpotMs()).orElse(Double.NaN);
    }

    private static String layout(Optional<Evaluation> evaluation) {
        return evaluation.map(e -> e.layout().setup().name()).orElse("none fits");
    }

    private static Table table(List<Sample> samples) {
        return Table.of(samples,
                column("model", "model", Unit.PLAIN, s -> s.place().variant().name()),
                column("batch", "batch", Unit.COUNT, s -> s.place().batch()),
                column("ma_layout", "MA, best", Unit.PLAIN, s -> layout(s.ma())),
                column("ma_tpot_ms", "TPOT", Unit.MILLISECONDS, s -> tpot(s.ma())),
                column("colocated_layout", "without separation, best", Unit.PLAIN, s -> layout(s.colocated())),
                column("colocated_tpot_ms", "TPOT", Unit.MILLISECONDS, s -> tpot(s.colocated())),
                column("change_of_tpot_by_ma", "change by MA", Unit.PERCENT, Sample::change),
                column("ma_regime", "regime of MA", Unit.PLAIN,
                        s -> s.ma().map(e -> e.result().regime().id()).orElse("")));
    }
}
