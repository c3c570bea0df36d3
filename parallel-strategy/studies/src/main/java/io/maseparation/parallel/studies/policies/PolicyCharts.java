package io.maseparation.parallel.studies.policies;

import io.maseparation.files.WholeFile;
import io.maseparation.parallel.present.OutputFormat;
import io.maseparation.parallel.present.TableWriter;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.BarChart;
import io.maseparation.parallel.present.chart.Chart;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.present.html.HtmlPage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** Charts of comparisons: times of steps over a trace, and all traces beside each other. */
public final class PolicyCharts {
    /** The page. */
    public static final String PAGE = "index.html";

    private static final String TABLE = "policies.csv";

    /** Most points of a line; more would lie on top of each other. */
    private static final int POINTS = 40;

    private PolicyCharts() {}

    /** Step times of every policy, and the bound of the ratio that they begin with. */
    static LineChart trace(PolicyComparison comparison) {
        PolicyScenario s = comparison.scenario();
        LineChart chart = new LineChart(
                "TPOT over a trace: " + s.name(), new Axis("decode step", "", Scale.LINEAR),
                new Axis("TPOT, means of %d steps".formatted(width(s)), "ms", Scale.LINEAR))
                .note(note(s));
        double[] bound = means(comparison.unchanged().trace().boundsMs(), width(s));
        double[] x = IntStream.range(0, bound.length)
                .mapToDouble(i -> s.warmup() + (i + 0.5) * width(s))
                .toArray();
        for (PolicyResult result : comparison.results()) {
            chart.series(result.policy().id(), x, means(result.trace().stepsMs(), width(s)));
        }
        return chart.series("bound of " + s.setup().layout().name(), x, bound);
    }

    private static int width(PolicyScenario s) {
        int interval = s.rule().interval();
        int intervals = Math.ceilDiv(s.steps() - s.warmup(), interval);
        return interval * Math.ceilDiv(intervals, POINTS);
    }

    private static double[] means(double[] values, int width) {
        return IntStream.range(0, Math.ceilDiv(values.length, width))
                .mapToDouble(i -> Arrays.stream(values, i * width, Math.min(values.length, (i + 1) * width))
                        .average()
                        .orElseThrow())
                .toArray();
    }

    /** TPOT of every policy and the bound, relative to the static layout's TPOT. */
    static BarChart overview(List<PolicyComparison> comparisons, String title) {
        List<String> names = new ArrayList<>(
                comparisons.getFirst().results().stream().map(r -> r.policy().id()).toList());
        names.add("bound of the ratio");
        BarChart chart = new BarChart(title, new Axis("TPOT against static", "", Scale.LINEAR), names)
                .note("simulated; " + comparisons.getFirst().scenario().config().name() + " on "
                        + comparisons.getFirst().scenario().start().cluster().name());
        for (PolicyComparison comparison : comparisons) {
            double unchanged = comparison.unchanged().times().tpotMs();
            chart.group(comparison.scenario().name(), DoubleStream.concat(
                    comparison.results().stream().mapToDouble(r -> r.times().tpotMs() / unchanged),
                    DoubleStream.of(comparison.unchanged().times().boundMs() / unchanged)).toArray());
        }
        return chart.reference(1, "static");
    }

    private static String note(PolicyScenario s) {
        return "simulated, %s on %s, %s; batch %d, context %d%s, routing %s".formatted(
                s.config().name(), s.start().cluster().name(), s.setup().name(), s.first().batch(),
                s.first().context(), s.growth() > 0 ? " and growing" : "",
                s.first().routing().description());
    }

    /** Charts under the names of their files. */
    private static Map<String, Chart> charts(List<PolicyComparison> comparisons) {
        Map<String, Chart> charts = new LinkedHashMap<>();
        comparisons.stream()
                .collect(Collectors.groupingBy(c -> kind(c.scenario()), LinkedHashMap::new, Collectors.toList()))
                .forEach((kind, of) -> charts.put(
                        overviewFile(kind),
                        overview(of, kind.isEmpty() ? "Policies" : "Policies, " + kind)));
        comparisons.forEach(c -> charts.put(file(c.scenario().name()), trace(c)));
        return charts;
    }

    /** What bounds the experts: the part of the name before the comma, in the study; empty otherwise. */
    private static String kind(PolicyScenario scenario) {
        int comma = scenario.name().indexOf(", ");
        return comma < 0 ? "" : scenario.name().substring(0, comma);
    }

    private static String overviewFile(String kind) {
        return kind.isEmpty() ? "overview.svg" : "overview-" + kind + ".svg";
    }

    /**
     * {@return names of all files that {@link #write} writes}
     *
     * @param scenarios what is compared
     */
    public static Set<String> files(List<PolicyScenario> scenarios) {
        Set<String> files = new LinkedHashSet<>(List.of(PAGE, TABLE));
        for (PolicyScenario scenario : scenarios) {
            files.add(overviewFile(kind(scenario)));
            files.add(file(scenario.name()));
        }
        return files;
    }

    private static String file(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9.]+", "-") + ".svg";
    }

    /**
     * Writes a page with the table and all charts, each chart as a file of its own, and the table's numbers. Every file
     * appears whole or not at all, the page last.
     *
     * @param folder where; it is created if need be, and files of the same names are replaced
     * @throws java.io.UncheckedIOException if something cannot be written; it names the file
     */
    public static void write(List<PolicyComparison> comparisons, Path folder) {
        HtmlPage page = new HtmlPage("Balancing policies over long traces, simulated")
                .answer(PolicyReport.summary(comparisons));
        page.paragraph(
                "Every policy sees the same tokens go to the same experts, and none knows those to come. All times are"
                        + " simulated; nothing here was measured. What is compared and what is left out: docs/balancing.md.");
        page.table(PolicyReport.table(comparisons), "All policies, from the end of the warm-up on.", TABLE);
        WholeFile.write(folder.resolve(TABLE), TableWriter.write(PolicyReport.table(comparisons), OutputFormat.CSV));
        charts(comparisons).forEach((file, chart) -> {
            WholeFile.write(folder.resolve(file), chart.svg());
            page.chart(chart, chart.title(), file);
        });
        WholeFile.write(folder.resolve(PAGE), page.html());
    }
}
