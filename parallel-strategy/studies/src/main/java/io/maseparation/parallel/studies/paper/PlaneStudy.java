package io.maseparation.parallel.studies.paper;

import static io.maseparation.parallel.present.Table.column;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.MapChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.studies.paper.Section.Figure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Over batch and context: the best ratio, and MA against each baseline. */
final class PlaneStudy extends Study {
    /** As good as the best. */
    static final double TIE = 1.02;
    private static final int LINE_POINTS = 120;
    private static final List<String> BASELINES = List.of(
            Family.UNPIPELINED, Family.TENSOR_PIPELINE, Family.TENSOR, Family.EXPERT, Family.EXPERT_TENSOR,
            Family.COLOCATED);

    private final int[] batches;
    private final int[] contexts;
    private final List<Family> families = Stream.concat(
            Family.onSixteen().stream(), Stream.of(new Family(Family.COLOCATED, Family.colocated())))
            .filter(f -> !f.name().equals(Family.THREE_TO_ONE))
            .toList();

    /**
     * A batch and a context.
     *
     * @param ratios by number of attention devices, the fastest over micro-batches
     * @param fastest by family
     */
    private record Cell(Place place, Map<Integer, Point> ratios, Map<String, Point> fastest) {
        Optional<Point> of(String family) {
            return Optional.ofNullable(fastest.get(family));
        }

        double tpotMs(String family) {
            return of(family).map(Point::tpotMs).orElse(Double.NaN);
        }

        /** TPOT of the best MA against a baseline, as a change: −0.3 for 30 % less. */
        double change(String baseline) {
            return tpotMs(Family.MA) / tpotMs(baseline) - 1;
        }

        boolean threeToOneIsBest() {
            return tpotMs(Family.THREE_TO_ONE) <= TIE * tpotMs(Family.MA);
        }
    }

    PlaneStudy(Context context) {
        super("batch and context", context);
        batches = context.quick()
                ? new int[] {24, 192, 1152}
                : new int[] {24, 36, 48, 72, 96, 144, 192, 288, 384, 576, 768, 1152, 1536, 2304, 3072, 4608};
        contexts = context.quick()
                ? new int[] {512, 2048, 16_384}
                : IntStream.rangeClosed(8, 17).map(i -> 1 << i).toArray();
    }

    @Override
    int items() {
        return batches.length * contexts.length;
    }

    @Override
    List<Section> run() {
        ModelConfig config = context.model();
        List<Cell> cells = context.sweep().map(Place.all(batches, contexts), place -> cell(config, place));
        return List.of(ratios(cells), comparisons(cells));
    }

    private Cell cell(ModelConfig config, Place place) {
        Scenario scenario = context.scenario(place.batch(), place.context());
        Map<String, Point> fastest = new LinkedHashMap<>();
        Map<Integer, Point> ratios = new LinkedHashMap<>();
        for (Family family : families) {
            List<Point> points = context.sweep().simulate(config, family.layouts(), context.cluster(), scenario);
            Point.fastest(points).ifPresent(p -> fastest.put(family.name(), p));
            if (family.name().equals(Family.MA)) {
                points.forEach(p -> ratios.merge(
                        p.separated().attentionDevices(), p, (a, b) -> a.tpotMs() <= b.tpotMs() ? a : b));
            }
        }
        Optional.ofNullable(ratios.get(Paper.ATTENTION_DEVICES))
                .ifPresent(p -> fastest.put(Family.THREE_TO_ONE, p));
        return new Cell(place, ratios, fastest);
    }

    private MapChart chart(String title, Axis value) {
        return new MapChart(
                title,
                new Axis("batch", "sequences", Scale.LOG2),
                new Axis("context", "tokens", Scale.LOG2),
                doubles(batches),
                doubles(contexts),
                value);
    }

    private static double[] doubles(int[] values) {
        return Arrays.stream(values).asDoubleStream().toArray();
    }

    private Cell at(List<Cell> cells, int column, int row) {
        return cells.get(row * batches.length + column);
    }

    private Section ratios(List<Cell> cells) {
        MapChart map = chart("Best A:M of MA Separation on 16 GPUs", new Axis("best A:M", "", Scale.LINEAR))
                .note(context.note())
                .order(IntStream.range(1, Paper.DEVICES).mapToObj(a -> a + ":" + (Paper.DEVICES - a)).toList());
        for (int row = 0; row < contexts.length; row++) {
            for (int column = 0; column < batches.length; column++) {
                Cell cell = at(cells, column, row);
                Optional<Point> best = cell.of(Family.MA);
                if (best.isEmpty()) {
                    map.amount(column, row, Double.NaN, "", "does not fit in memory");
                } else {
                    String ratio = best.get().separated().ratio();
                    map.category(column, row, ratio, ratio,
                            "m = %d, TPOT %s, 12:4 %s".formatted(best.get().microBatches(),
                                    Unit.MILLISECONDS.text(best.get().tpotMs()),
                                    Unit.MILLISECONDS.text(cell.tpotMs(Family.THREE_TO_ONE))));
                }
            }
        }
        map.outline("12:4 within 2 % of the best",
                (column, row) -> at(cells, column, row).threeToOneIsBest());
        BalanceLine line = BalanceLine.ofThreeToOne(context);
        for (int m = 2; m <= Family.MOST_MICRO_BATCHES; m++) {
            addLine(map, line, m);
        }
        return new Section(
                "Which ratio is best",
                List.of(
                        "MA Separation with replicated attention and whole experts, every ratio from 1:15 to 15:1, each with 1 to"
                                + " 3 micro-batches. A cell shows the ratio with the least TPOT.",
                        "The lines are where both pools of 12:4 take equally long when nothing but memory bandwidth counts:"
                                + " b·c = A (D·We/M − Wa) / κ, with b = batch / m the sequences of a micro-batch, c the context, D the"
                                + " experts that they visit, We and Wa the bytes of an expert and of the attention of a layer, and κ"
                                + " the bytes of a token's keys and values in a layer. With all experts visited b·c is "
                                + Math.round(line.tokens(1e9) / 1e3)
                                + " thousand tokens here. Below the line experts are the longer"
                                + " part and want more devices, above it attention does."),
                List.of(summary(cells)),
                List.of(Figure.of(map, "Best ratio, the region of 3:1, and the closed form.")),
                "ratios.csv", ratioTable(cells));
    }

    private void addLine(MapChart map, BalanceLine line, int m) {
        double[] x = new double[LINE_POINTS];
        double[] y = new double[LINE_POINTS];
        double first = Math.log(batches[0]);
        double last = Math.log(batches[batches.length - 1]);
        for (int i = 0; i < LINE_POINTS; i++) {
            x[i] = Math.exp(first + (last - first) * i / (LINE_POINTS - 1));
            double length = line.context(x[i] / m);
            y[i] = length > 0 ? length : Double.NaN;
        }
        map.line("balance of 12:4, m = " + m, x, y);
    }

    private String summary(List<Cell> cells) {
        long fits = cells.stream().filter(c -> c.fastest().containsKey(Family.MA)).count();
        List<Cell> best = cells.stream().filter(Cell::threeToOneIsBest).toList();
        LongSummaryStatistics tokens = best.stream()
                .mapToLong(c -> (long) c.place().batch() * c.place().context())
                .summaryStatistics();
        return best.isEmpty()
                ? "12:4 is nowhere within 2 %% of the best of the %d cells that fit.".formatted(fits)
                : "12:4 is within 2 %% of the best in %d of the %d cells that fit, at batch × context from %s to %s million tokens."
                        .formatted(best.size(), fits, Unit.significant(tokens.getMin() / 1e6),
                                Unit.significant(tokens.getMax() / 1e6));
    }

    private static Table ratioTable(List<Cell> cells) {
        record Row(Cell cell, Point point) {}
        return Table.of(
                cells.stream().flatMap(c -> c.ratios().values().stream().map(p -> new Row(c, p))).toList(),
                column("batch", "batch", Unit.COUNT, r -> r.cell().place().batch()),
                column("context_tokens", "context", Unit.COUNT, r -> r.cell().place().context()),
                column("attention_devices", "attention devices", Unit.COUNT,
                        r -> r.point().separated().attentionDevices()),
                column("expert_devices", "expert devices", Unit.COUNT, r -> r.point().separated().expertDevices()),
                column("micro_batches", "micro-batches", Unit.COUNT, r -> r.point().microBatches()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, r -> r.point().tpotMs()),
                column("tpot_over_best", "TPOT ÷ best", Unit.NUMBER,
                        r -> r.point().tpotMs() / r.cell().tpotMs(Family.MA)),
                column("regime", "regime", Unit.PLAIN, r -> r.point().regime()));
    }

    private Section comparisons(List<Cell> cells) {
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        for (String baseline : BASELINES) {
            figures.add(Figure.of(comparison(cells, baseline), "TPOT of MA against " + baseline + "."));
            findings.add(summary(cells, baseline));
        }
        return new Section(
                "MA against each baseline",
                List.of("The best ratio of MA against each baseline, as the change of TPOT: below zero MA is faster. Outlined"
                        + " is where the paper's 34.2 % less TPOT and 52.8 % more TPS are reached; at the same batch the"
                        + " second is 34.6 % less TPOT, so the outlines all but coincide."),
                findings, figures, "plane.csv", planeTable(cells));
    }

    private MapChart comparison(List<Cell> cells, String baseline) {
        MapChart map = chart("MA, best ratio, against " + baseline, new Axis("change of TPOT", "%", Scale.LINEAR))
                .note(context.note())
                .middle(0);
        for (int row = 0; row < contexts.length; row++) {
            for (int column = 0; column < batches.length; column++) {
                Cell cell = at(cells, column, row);
                double change = 100 * cell.change(baseline);
                map.amount(column, row, change, String.format(Locale.ROOT, "%+.0f", change).replace('-', '−'),
                        cell.of(Family.MA)
                                .flatMap(ma -> cell.of(baseline).map(other -> "%s %s, %s %s".formatted(
                                        ma.name(), Unit.MILLISECONDS.text(ma.tpotMs()),
                                        other.name(), Unit.MILLISECONDS.text(other.tpotMs()))))
                                .orElse("does not fit in memory"));
            }
        }
        map.outline("TPOT at least 34.2 % less",
                (column, row) -> at(cells, column, row).change(baseline) <= Paper.TPOT_CHANGE);
        map.outline("TPS at least 52.8 % more",
                (column, row) -> Numbers.tpsChange(at(cells, column, row).change(baseline)) >= Paper.TPS_CHANGE);
        return map;
    }

    private static String summary(List<Cell> cells, String baseline) {
        List<Cell> both = cells.stream().filter(c -> Double.isFinite(c.change(baseline))).toList();
        if (both.isEmpty()) {
            return "Against " + baseline + ": nothing fits.";
        }
        Cell most = Collections.min(both, Comparator.comparingDouble(c -> c.change(baseline)));
        long faster = both.stream().filter(c -> c.change(baseline) < 0).count();
        long claimed = both.stream().filter(c -> c.change(baseline) <= Paper.TPOT_CHANGE).count();
        return "Against %s: MA is faster in %d of %d cells, by the claimed 34.2 %% in %d; its best is %s TPOT, at batch %d and context %d (%s)."
                .formatted(baseline, faster, both.size(), claimed, Numbers.change(most.change(baseline)),
                        most.place().batch(), most.place().context(), most.of(Family.MA).orElseThrow().name());
    }

    private static Table planeTable(List<Cell> cells) {
        record Row(Cell cell, String family, Point point) {}
        return Table.of(
                cells.stream()
                        .flatMap(c -> c.fastest().entrySet().stream().map(e -> new Row(c, e.getKey(), e.getValue())))
                        .toList(),
                column("batch", "batch", Unit.COUNT, r -> r.cell().place().batch()),
                column("context_tokens", "context", Unit.COUNT, r -> r.cell().place().context()),
                column("family", "family", Unit.PLAIN, Row::family),
                column("layout", "layout", Unit.PLAIN, r -> r.point().name()),
                column("tpot_ms", "TPOT", Unit.MILLISECONDS, r -> r.point().tpotMs()),
                column("tps", "TPS", Unit.NUMBER, r -> r.point().tps()),
                column("change_of_tpot_by_ma", "change of TPOT by MA", Unit.PERCENT,
                        r -> r.cell().change(r.family())),
                column("regime", "regime", Unit.PLAIN, r -> r.point().regime()));
    }
}
