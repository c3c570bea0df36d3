package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.studies.paper.Section.Data;
import io.maseparation.parallel.studies.paper.Section.Figure;
import io.maseparation.parallel.studies.paper.Section.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** TPS against TPOT while the batch grows, for every kind of layout; what no other beats in both is the front. */
final class FrontStudy implements Study {
    private static final String FILE = "pareto.csv";
    private static final String FRONT = "front";

    private final Context context;
    private final int[] contexts;
    private final int[] batches;
    private final List<Family> families = Family.onSixteen();

    /** A family's fastest layout at a batch and context. */
    private record Sample(int context, int batch, String family, Point point) {}

    FrontStudy(Context context) {
        this.context = context;
        contexts = context.quick() ? new int[] {Paper.CONTEXT} : new int[] {Paper.CONTEXT, 8 * Paper.CONTEXT};
        batches = context.quick()
                ? new int[] {24, 384, 3072}
                : new int[] {4, 8, 16, 24, 48, 96, 144, 192, 288, 384, 576, 768, 1024, 1536, 2048, 3072, 4096, 6144};
    }

    @Override
    public String name() {
        return "TPS against TPOT";
    }

    @Override
    public int items() {
        return contexts.length * batches.length;
    }

    @Override
    public List<Section> run() {
        ModelConfig config = Assumptions.USUAL.config();
        List<int[]> places = new ArrayList<>();
        for (int length : contexts) {
            for (int batch : batches) {
                places.add(new int[] {length, batch});
            }
        }
        List<Sample> samples = context.sweep().flatMap(places, place -> families.stream()
                .flatMap(f -> f.fastest(
                        context.sweep(), config, context.cluster(), context.scenario(place[1], place[0]))
                        .map(p -> new Sample(place[0], place[1], f.name(), p))
                        .stream())
                .toList());
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        List<String> paragraphs = List.of(
                "Each line is a kind of layout, its fastest variant at every batch; the batch grows from left to right."
                        + " Up and to the left is better. The front joins the points that no other beats in both.");
        for (int length : contexts) {
            List<Sample> ofLength = ofContext(samples, length);
            figures.add(new Picture(chart(length, ofLength), "TPS and TPOT at context %d, batches from %d to %d."
                    .formatted(length, batches[0], batches[batches.length - 1]), FILE));
            findings.add(summary(length, ofLength));
        }
        return List.of(new Section(
                "TPS against TPOT", paragraphs, findings, figures, List.of(new Data(FILE, table(samples)))));
    }

    private LineChart chart(int length, List<Sample> samples) {
        LineChart chart = new LineChart(
                "TPS against TPOT, context " + length,
                new Axis("TPOT", "ms", Scale.LOG),
                new Axis("TPS", "tokens/s", Scale.LOG))
                .note(context.note());
        for (Family family : families) {
            List<Sample> of =
                    samples.stream().filter(s -> s.family().equals(family.name())).toList();
            add(chart, family.name(), of);
        }
        add(chart, FRONT, front(samples));
        return chart;
    }

    private static void add(LineChart chart, String name, List<Sample> samples) {
        chart.series(name, samples, s -> s.point().tpotMs(), s -> s.point().tps(),
                s -> "batch %d, %s".formatted(s.batch(), s.point().name()));
    }

    /** Those that no other beats in TPOT without losing TPS; fastest first. */
    private static List<Sample> front(List<Sample> samples) {
        List<Sample> sorted = samples.stream()
                .sorted(Comparator.comparingDouble(s -> s.point().tpotMs()))
                .toList();
        List<Sample> front = new ArrayList<>();
        double most = 0;
        for (Sample sample : sorted) {
            if (sample.point().tps() > most) {
                most = sample.point().tps();
                front.add(sample);
            }
        }
        return front;
    }

    private static String summary(int length, List<Sample> samples) {
        List<String> names = front(samples).stream().map(Sample::family).distinct().toList();
        boolean ma = names.stream().anyMatch(n -> n.startsWith("MA"));
        return "At context %d the front consists of %s%s.".formatted(
                length, String.join("; ", names), ma ? "" : ". No MA layout is on it");
    }

    private Table table(List<Sample> samples) {
        Set<Sample> front = Arrays.stream(contexts)
                .mapToObj(length -> front(ofContext(samples, length)))
                .flatMap(List::stream)
                .collect(Collectors.toSet());
        return Table.of(samples,
                column("context_tokens", "context", Unit.COUNT, Sample::context),
                column("batch", "batch", Unit.COUNT, Sample::batch),
                column("family", "family", Unit.PLAIN, Sample::family),
                column("layout", "layout", Unit.PLAIN, s -> s.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, s -> s.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, s -> s.point().tps()),
                column("mbu", "MBU", Unit.PERCENT, s -> s.point().mbu()),
                column("on_front", "on the front", Unit.PLAIN, s -> front.contains(s) ? "yes" : "no"));
    }

    private static List<Sample> ofContext(List<Sample> samples, int length) {
        return samples.stream().filter(s -> s.context() == length).toList();
    }

}
