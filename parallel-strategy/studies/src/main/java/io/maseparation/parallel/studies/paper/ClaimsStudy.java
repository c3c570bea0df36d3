package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.BarChart;
import io.maseparation.parallel.present.chart.LineChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.studies.paper.Evidence.Sample;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The table of claims, and the simulations it rests on. */
record ClaimsStudy(Context context) {
    /**
     * The outcome.
     *
     * @param claims every claim
     * @param sections parts of the report
     */
    record Result(List<Claim> claims, List<Section> sections) {}

    Result run() {
        Evidence evidence = Evidence.gather(context);
        if (evidence.baselines().isEmpty() || evidence.threeToOne().isEmpty()) {
            throw new PlanException(
                    "the paper's %s fits under no assumptions on %d devices of cluster %s: choose a 'cluster' with more memory per device"
                            .formatted(evidence.baselines().isEmpty() ? "baseline" : "MA 12:4", Paper.DEVICES,
                                    context.cluster().name()));
        }
        List<Claim> claims = new Claims(evidence, context).rows();
        return new Result(claims, List.of(table(claims), bounds(evidence), growing(evidence)));
    }

    private Section table(List<Claim> claims) {
        Table table = Claim.table(claims);
        Stream<String> kinds = Arrays.stream(Claim.Kind.values())
                .filter(v -> claims.stream().anyMatch(c -> c.verdict().kind() == v))
                .map(v -> "%s: %s.".formatted(v.words(), claims.stream()
                        .filter(c -> c.verdict().kind() == v)
                        .map(Claim::claim)
                        .collect(Collectors.joining("; "))));
        return new Section(
                "The paper's numbers",
                List.of(
                        "Each number of the abstract and the results: what is claimed, the nearest that a simulation comes, under"
                                + " which assumptions, what physics allows, and what follows. The paper leaves open how many"
                                + " experts a token goes to, how many matrices an expert has, how kernels are launched, which"
                                + " collectives are used and how many micro-batches there are: all of them are tried, %d"
                                        .formatted(Assumptions.all().size())
                                + " sets of assumptions. It names no vocabulary, so embedding and output projection are left"
                                + " out. A batch of 24 follows from its TPS × TPOT. Reproduced is what is at most 2 % off."),
                Stream.concat(kinds, Claim.notes(claims).stream()).toList(),
                List.of(Figure.of(
                        table.select("claim", "verdict", "claimed", "simulated", "bound", "assumptions"),
                        "Claims against simulations and bounds.")),
                "claims.csv", table);
    }

    private Section bounds(Evidence evidence) {
        BarChart chart = new BarChart("TPOT of 12:4 with replicated attention at batch 24",
                new Axis("TPOT", "ms", Scale.LINEAR), List.of("bound of any schedule", "simulated, best", "claimed"))
                .note("simulated, %s; context %d; bound: bytes at the full HBM bandwidth".formatted(
                        context.cluster().name(), Paper.CONTEXT));
        for (boolean gated : new boolean[] {false, true}) {
            for (int topK = 1; topK <= 2; topK++) {
                int k = topK;
                double best = evidence.threeToOne().stream()
                        .filter(t -> t.assumptions().gated() == gated && t.assumptions().topK() == k)
                        .mapToDouble(t -> t.point().tpotMs())
                        .min()
                        .orElse(Double.NaN);
                chart.group("top-%d, %s matrices".formatted(topK, gated ? "three" : "two"),
                        bounds(gated, topK).separatedMs(Paper.ATTENTION_DEVICES,
                                Paper.EXPERT_DEVICES, 1, Paper.BATCH, Paper.CONTEXT),
                        best, Paper.TPOT_MS);
            }
        }
        Bounds topOne = bounds(false, 1);
        return new Section(
                "Why 1.82 ms is impossible at 12:4",
                List.of("Four GPUs must read the experts that 24 sequences visit: at top-1 %s of 16 in every layer on average,"
                        .formatted(Numbers.decimals(topOne.visitedExperts(0, Paper.BATCH), 1))
                        + " which takes %s at the full bandwidth of their memory before any attention has run."
                                .formatted(Numbers.ms(topOne.expertReadsMs(Paper.EXPERT_DEVICES, Paper.BATCH)))
                        + " The attention of at least the largest micro-batch comes on top. The bound takes the best of all"
                        + " ways to split the batch, and nothing else: no latency, no launches, no imbalance."),
                List.of(),
                List.of(Figure.of(chart, "Bound, simulation and claim.")),
                "assumptions.csv", trials(evidence));
    }

    private Bounds bounds(boolean gated, int topK) {
        return context.bounds(gated, topK);
    }

    private static Table trials(Evidence evidence) {
        return Table.of(evidence.trials(),
                column("matrices", "matrices", Unit.COUNT, t -> t.assumptions().gated() ? 3 : 2),
                column("experts_per_token", "top-k", Unit.COUNT, t -> t.assumptions().topK()),
                column("launch", "launch", Unit.PLAIN, t -> t.assumptions().launch().id()),
                column("collectives", "collectives", Unit.PLAIN, t -> t.assumptions().collectives().id()),
                column("layout", "layout", Unit.PLAIN, t -> t.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, t -> t.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, t -> t.point().tps()),
                column("busy", "busy", Unit.PERCENT, t -> t.point().busy()),
                column("mbu", "MBU", Unit.PERCENT, t -> t.point().mbu()),
                column("memory_efficiency", "memory efficiency", Unit.PERCENT, t -> t.point().memoryEfficiency()),
                column("regime", "regime", Unit.PLAIN, t -> t.point().regime()));
    }

    private Section growing(Evidence evidence) {
        Predicate<Point> piped = p -> p.setup().layout().stages() == 2;
        Predicate<Point> one = piped.and(p -> p.microBatches() == 1);
        LineChart busy = chart("Busy share and MBU over batch", "share of time");
        add(busy, "12:4, busy", evidence, Paper::isThreeToOne, s -> s.point().busy());
        add(busy, "12:4, MBU", evidence, Paper::isThreeToOne, s -> s.point().mbu());
        add(busy, "TP8×PP2, m = 1, busy", evidence, one, s -> s.point().busy());
        add(busy, "TP8×PP2, best m, busy", evidence, piped, s -> s.point().busy());
        add(busy, "TP8×PP2, best m, MBU", evidence, piped, s -> s.point().mbu());
        busy.horizontal(100 * Paper.UTILISATION, "claimed for MA: 89.7 %");
        busy.horizontal(100 * Paper.BASELINE_UTILISATION, "claimed for the baseline: 71.2 %");
        LineChart memory = chart("Memory efficiency over batch", "memory efficiency");
        add(memory, "12:4", evidence, Paper::isThreeToOne, s -> s.point().memoryEfficiency());
        add(memory, "TP8×PP2", evidence, piped, s -> s.point().memoryEfficiency());
        memory.horizontal(100 * Paper.MEMORY_EFFICIENCY, "claimed for MA: 85.4 %");
        memory.horizontal(100 * Paper.BASELINE_MEMORY_EFFICIENCY, "claimed for the baseline: 74.1 %");
        return new Section(
                "Utilisation and memory",
                List.of("Busy is the share of time a GPU computes, mean of all 16. It rewards reading the same weights on many"
                        + " GPUs, so the bandwidth that is of use, MBU, stands beside it: bytes that a step must move at least,"
                        + " over time and peak bandwidth.",
                        "Memory efficiency is (unique weights + live keys and values) ÷ what all GPUs hold of both. TP×PP holds"
                                + " everything once; 12:4 holds attention twelve times, which matters less as keys and values"
                                + " grow."),
                List.of(),
                List.of(
                        Figure.of(busy, "Busy share and MBU, the fastest number of micro-batches."),
                        Figure.of(memory, "Memory efficiency.")),
                "batches.csv", batches(evidence));
    }

    private LineChart chart(String title, String value) {
        return new LineChart(title, new Axis("batch", "sequences", Scale.LOG2), new Axis(value, "%", Scale.LINEAR))
                .note(context.note() + "; context " + Paper.CONTEXT);
    }

    private static void add(
            LineChart chart, String name, Evidence evidence, Predicate<Point> which, ToDoubleFunction<Sample> value) {
        chart.series(name, evidence.fastest(which), Sample::batch, s -> 100 * value.applyAsDouble(s),
                s -> s.point().name());
    }

    private static Table batches(Evidence evidence) {
        return Table.of(evidence.growing(),
                column("batch", "batch", Unit.COUNT, Sample::batch),
                column("layout", "layout", Unit.PLAIN, s -> s.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, s -> s.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, s -> s.point().tps()),
                column("busy", "busy", Unit.PERCENT, s -> s.point().busy()),
                column("mbu", "MBU", Unit.PERCENT, s -> s.point().mbu()),
                column("memory_efficiency", "memory efficiency", Unit.PERCENT, s -> s.point().memoryEfficiency()));
    }
}
