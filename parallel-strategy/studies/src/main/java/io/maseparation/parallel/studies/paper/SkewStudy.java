package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.simulate.RoutingModel;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.studies.paper.Context.Fastest;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** What an uneven choice of experts does to each kind of layout. */
final class SkewStudy extends Study {
    private final double[] exponents;
    private final int[] batches;
    private final List<Family> families = Family.onSixteen();

    private record Skewed(int batch, double exponent) {}

    SkewStudy(Context context) {
        super("skew", context);
        exponents = context.quick() ? new double[] {0, 1.2} : new double[] {0, 0.25, 0.5, 0.75, 1, 1.25, 1.5};
        batches = context.quick() ? new int[] {Paper.BATCH} : new int[] {Paper.BATCH, 1024};
    }

    @Override
    int items() {
        return exponents.length * batches.length;
    }

    @Override
    List<Section> run() {
        List<Skewed> places = new ArrayList<>();
        for (int batch : batches) {
            for (double exponent : exponents) {
                places.add(new Skewed(batch, exponent));
            }
        }
        List<Fastest<Skewed>> samples = context.fastest(places, families, this::scenario);
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        List<String> paragraphs = List.of(
                "Tokens choose experts by a Zipf law: the i-th most popular of a layer with a weight of 1 / i^s. While"
                        + " memory bandwidth limits, skew makes experts cheaper, since fewer of them are read; where a popular"
                        + " expert gets more rows than it can multiply in that time, layouts of whole experts wait for it.");
        for (int batch : batches) {
            figures.add(Figure.of(chart(batch, samples), "TPOT over skew at batch " + batch + "."));
            findings.add(summary(batch, samples));
        }
        return List.of(new Section("Skewed routing", paragraphs, findings, figures, "skew.csv", table(samples)));
    }

    private Scenario scenario(Skewed place) {
        RoutingModel routing = RoutingModel.zipf(place.exponent()).remembering(place.batch());
        return context.scenario(place.batch(), Paper.CONTEXT).withRouting(routing, context.seed());
    }

    private LineChart chart(int batch, List<Fastest<Skewed>> samples) {
        LineChart chart = new LineChart("TPOT under skewed routing, batch " + batch,
                new Axis("Zipf exponent s", "", Scale.LINEAR), new Axis("TPOT", "ms", Scale.LINEAR))
                .note("simulated, %s; %s; context %d, seed %d".formatted(
                        context.cluster().name(), Assumptions.USUAL.text(), Paper.CONTEXT, context.seed()));
        for (Family family : families) {
            chart.series(family.name(), of(samples, batch, family.name()), s -> s.place().exponent(),
                    s -> s.point().tpotMs(), s -> s.point().name());
        }
        return chart;
    }

    private static List<Fastest<Skewed>> of(List<Fastest<Skewed>> samples, int batch, String family) {
        return samples.stream()
                .filter(s -> s.place().batch() == batch && s.family().equals(family))
                .toList();
    }

    private String summary(int batch, List<Fastest<Skewed>> samples) {
        List<String> parts = new ArrayList<>();
        for (Family family : families) {
            List<Fastest<Skewed>> of = of(samples, batch, family.name());
            if (!of.isEmpty()) {
                parts.add("%s %s".formatted(family.name(),
                        Numbers.change(of.getLast().point().tpotMs() / of.getFirst().point().tpotMs() - 1)));
            }
        }
        String fastest = samples.stream()
                .filter(s -> s.place().batch() == batch && s.place().exponent() == exponents[exponents.length - 1])
                .min(Comparator.comparingDouble(s -> s.point().tpotMs()))
                .map(s -> s.point().name())
                .orElse("-");
        return String.format(Locale.ROOT,
                "Batch %d, TPOT at s = %s against uniform routing: %s. The fastest there is %s.",
                batch, exponents[exponents.length - 1], String.join("; ", parts), fastest);
    }

    private static Table table(List<Fastest<Skewed>> samples) {
        return Table.of(samples,
                column("batch", "batch", Unit.COUNT, s -> s.place().batch()),
                column("zipf_exponent", "Zipf exponent", Unit.NUMBER, s -> s.place().exponent()),
                column("family", "family", Unit.PLAIN, Fastest::family),
                column("layout", "layout", Unit.PLAIN, s -> s.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, s -> s.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, s -> s.point().tps()));
    }
}
