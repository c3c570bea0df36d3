package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.studies.paper.Context.Fastest;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * TPS against TPOT while the batch grows, for every kind of layout; the layouts that no other beats in both form the
 * front.
 */
final class FrontStudy extends Study {
    private static final String FRONT = "front";

    private final int[] contexts;
    private final int[] batches;
    private final List<Family> families = Family.onSixteen();

    FrontStudy(Context context) {
        super("TPS against TPOT", context);
        contexts = context.quick() ? new int[] {Paper.CONTEXT} : new int[] {Paper.CONTEXT, 8 * Paper.CONTEXT};
        batches = context.quick()
                ? new int[] {24, 384, 3072}
                : new int[] {4, 8, 16, 24, 48, 96, 144, 192, 288, 384, 576, 768, 1024, 1536, 2048, 3072, 4096, 6144};
    }

    @Override
    int items() {
        return contexts.length * batches.length;
    }

    @Override
    List<Section> run() {
        List<Fastest<Place>> samples = context.fastest(
                Place.all(batches, contexts), families, place -> context.scenario(place.batch(), place.context()));
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        List<String> paragraphs = List.of(
                "Each line is a kind of layout, its fastest variant at every batch; the batch grows from left to right."
                        + " Up and to the left is better. The front joins the points that no other beats in both.");
        for (int length : contexts) {
            List<Fastest<Place>> ofLength = ofContext(samples, length);
            figures.add(Figure.of(chart(length, ofLength), "TPS and TPOT at context %d, batches from %d to %d."
                    .formatted(length, batches[0], batches[batches.length - 1])));
            findings.add(summary(length, ofLength));
        }
        return List.of(
                new Section("TPS against TPOT", paragraphs, findings, figures, "pareto.csv", table(samples)));
    }

    private LineChart chart(int length, List<Fastest<Place>> samples) {
        LineChart chart = new LineChart(
                "TPS against TPOT, context " + length,
                new Axis("TPOT", "ms", Scale.LOG),
                new Axis("TPS", "tokens/s", Scale.LOG))
                .note(context.note());
        for (Family family : families) {
            add(chart, family.name(), samples.stream().filter(s -> s.family().equals(family.name())).toList());
        }
        add(chart, FRONT, front(samples));
        return chart;
    }

    private static void add(LineChart chart, String name, List<Fastest<Place>> samples) {
        chart.series(name, samples, s -> s.point().tpotMs(), s -> s.point().tps(),
                s -> "batch %d, %s".formatted(s.place().batch(), s.point().name()));
    }

    /** Those that no other beats in TPOT without losing TPS; fastest first. */
    private static List<Fastest<Place>> front(List<Fastest<Place>> samples) {
        List<Fastest<Place>> sorted = samples.stream()
                .sorted(Comparator.comparingDouble(s -> s.point().tpotMs()))
                .toList();
        List<Fastest<Place>> front = new ArrayList<>();
        double most = 0;
        for (Fastest<Place> sample : sorted) {
            if (sample.point().tps() > most) {
                most = sample.point().tps();
                front.add(sample);
            }
        }
        return front;
    }

    private static String summary(int length, List<Fastest<Place>> samples) {
        List<String> names = front(samples).stream().map(Fastest::family).distinct().toList();
        boolean ma = names.stream().anyMatch(n -> n.startsWith("MA"));
        return "At context %d the front consists of %s%s.".formatted(
                length, String.join("; ", names), ma ? "" : ". No MA layout is on it");
    }

    private Table table(List<Fastest<Place>> samples) {
        Set<Fastest<Place>> front = Arrays.stream(contexts)
                .mapToObj(length -> front(ofContext(samples, length)))
                .flatMap(List::stream)
                .collect(Collectors.toSet());
        return Table.of(samples,
                column("context_tokens", "context", Unit.COUNT, s -> s.place().context()),
                column("batch", "batch", Unit.COUNT, s -> s.place().batch()),
                column("family", "family", Unit.PLAIN, Fastest::family),
                column("layout", "layout", Unit.PLAIN, s -> s.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, s -> s.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, s -> s.point().tps()),
                column("mbu", "MBU", Unit.PERCENT, s -> s.point().mbu()),
                column("on_front", "on the front", Unit.PLAIN, s -> front.contains(s) ? "yes" : "no"));
    }

    private static List<Fastest<Place>> ofContext(List<Fastest<Place>> samples, int length) {
        return samples.stream().filter(s -> s.place().context() == length).toList();
    }
}
