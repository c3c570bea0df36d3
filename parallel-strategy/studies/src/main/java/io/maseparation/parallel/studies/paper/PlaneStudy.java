package io.maseparation.parallel.studies.paper;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.present.Table;
import io.maseparation.parallel.present.Unit;
import io.maseparation.parallel.present.chart.Axis;
import io.maseparation.parallel.present.chart.MapChart;
import io.maseparation.parallel.present.chart.Scale;
import io.maseparation.parallel.simulate.Scenario;
import io.maseparation.parallel.studies.paper.Section.Data;
import io.maseparation.parallel.studies.paper.Section.Figure;
import io.maseparation.parallel.studies.paper.Section.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/** Over batch and context: the best ratio, and MA against each baseline. */
final class PlaneStudy implements Study {
    /** As good as the best. */
    static final double TIE = 1.02;
    private static final String RATIOS_FILE = "ratios.csv";
    private static final String PLANE_FILE = "plane.csv";
    private static final int LINE_POINTS = 120;
    private static final List<String> BASELINES = List.of(
            Family.UNPIPELINED, Family.TENSOR_PIPELINE, Family.TENSOR, Family.EXPERT, Family.EXPERT_TENSOR,
            Family.COLOCATED);

    private final Context context;
    private final int[] batches;
    private final int[] contexts;
    private final List<Family> families = families();

    /**
     * A batch and a context.
     *
     * @param ratios by number of attention devices, the fastest over micro-batches
     * @param fastest by family
     */
    private record Cell(int batch, int context, Map<Integer, Point> ratios, Map<String, Point> fastest) {
        double tpotMs(String family) {
            Point point = fastest.get(family);
            return point == null ? Double.NaN : point.tpotMs();
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
        this.context = context;
        batches = context.quick()
                ? new int[] {24, 192, 1152}
                : new int[] {24, 36, 48, 72, 96, 144, 192, 288, 384, 576, 768, 1152, 1536, 2304, 3072, 4608};
        contexts = context.quick()
                ? new int[] {512, 2048, 16_384}
                : IntStream.rangeClosed(8, 17).map(i -> 1 << i).toArray();
    }

    private static List<Family> families() {
        List<Family> families = new ArrayList<>(Family.onSixteen());
        families.add(new Family(Family.COLOCATED, Family.colocated()));
        return families;
    }

    @Override
    public String name() {
        return "batch and context";
    }

    @Override
    public int items() {
        return batches.length * contexts.length;
    }

    @Override
    public List<Section> run() {
        ModelConfig config = Assumptions.USUAL.config();
        List<int[]> places = new ArrayList<>();
        for (int length : contexts) {
            for (int batch : batches) {
                places.add(new int[] {batch, length});
            }
        }
        List<Cell> cells = context.sweep().map(places, place -> cell(config, place[0], place[1]));
        return List.of(ratios(config, cells), comparisons(cells));
    }

    private Cell cell(ModelConfig config, int batch, int length) {
        Scenario scenario = context.scenario(batch, length);
        Map<String, Point> fastest = new LinkedHashMap<>();
        Map<Integer, Point> ratios = new LinkedHashMap<>();
        for (Family family : families) {
            if (family.name().equals(Family.THREE_TO_ONE)) {
                continue;
            }
            List<Point> points =
                    context.sweep().simulate(config, family.layouts(), context.cluster(), scenario);
            Point.fastest(points).ifPresent(p -> fastest.put(family.name(), p));
            if (family.name().equals(Family.MA)) {
                points.forEach(p -> ratios.merge(
                        p.separated().attentionDevices(), p, (a, b) -> a.tpotMs() <= b.tpotMs() ? a : b));
            }
        }
        Optional.ofNullable(ratios.get(Paper.ATTENTION_DEVICES))
                .ifPresent(p -> fastest.put(Family.THREE_TO_ONE, p));
        return new Cell(batch, length, ratios, fastest);
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

    private Section ratios(ModelConfig config, List<Cell> cells) {
        MapChart map = chart("Best A:M of MA Separation on 16 GPUs", new Axis("best A:M", "", Scale.LINEAR))
                .note(context.note())
                .order(IntStream.range(1, Paper.DEVICES).mapToObj(a -> a + ":" + (Paper.DEVICES - a)).toList());
        for (int row = 0; row < contexts.length; row++) {
            for (int column = 0; column < batches.length; column++) {
                Cell cell = at(cells, column, row);
                Point best = cell.fastest().get(Family.MA);
                if (best == null) {
                    map.amount(column, row, Double.NaN, "", "does not fit in memory");
                } else {
                    map.category(column, row, best.setup().layout().name(), best.setup().layout().name(),
                            "m = %d, TPOT %s, 12:4 %s".formatted(best.setup().batching().microBatches(),
                                    Unit.MILLISECONDS.text(best.tpotMs()),
                                    Unit.MILLISECONDS.text(cell.tpotMs(Family.THREE_TO_ONE))));
                }
            }
        }
        map.outline("12:4 within 2 % of the best",
                (column, row) -> at(cells, column, row).threeToOneIsBest());
        BalanceLine line = line(config);
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
                List.of(new Picture(map, "Best ratio, the region of 3:1, and the closed form.", RATIOS_FILE)),
                List.of(new Data(RATIOS_FILE, ratioTable(cells))));
    }

    private BalanceLine line(ModelConfig config) {
        return new BalanceLine(
                config, new Bounds(config, context.cluster()), Paper.ATTENTION_DEVICES, Paper.EXPERT_DEVICES);
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
        OptionalDouble low = best.stream().mapToDouble(c -> (double) c.batch() * c.context()).min();
        OptionalDouble high = best.stream().mapToDouble(c -> (double) c.batch() * c.context()).max();
        return best.isEmpty()
                ? "12:4 is nowhere within 2 %% of the best of the %d cells that fit.".formatted(fits)
                : "12:4 is within 2 %% of the best in %d of the %d cells that fit, at batch × context from %s to %s million tokens."
                        .formatted(best.size(), fits, Unit.significant(low.getAsDouble() / 1e6),
                                Unit.significant(high.getAsDouble() / 1e6));
    }

    private static Table ratioTable(List<Cell> cells) {
        Table.Builder table = Table.builder()
                .column("batch", "batch", Unit.COUNT)
                .column("context_tokens", "context", Unit.COUNT)
                .column("attention_devices", "attention devices", Unit.COUNT)
                .column("expert_devices", "expert devices", Unit.COUNT)
                .column("micro_batches", "micro-batches", Unit.COUNT)
                .column("tpot_ms", "TPOT", Unit.MILLISECONDS)
                .column("tpot_over_best", "TPOT ÷ best", Unit.NUMBER)
                .column("regime", "regime", Unit.PLAIN);
        for (Cell cell : cells) {
            for (Point point : cell.ratios().values()) {
                table.row(cell.batch(), cell.context(), point.separated().attentionDevices(),
                        point.separated().expertDevices(), point.setup().batching().microBatches(), point.tpotMs(),
                        point.tpotMs() / cell.tpotMs(Family.MA), point.regime());
            }
        }
        return table.build();
    }

    private Section comparisons(List<Cell> cells) {
        List<Figure> figures = new ArrayList<>();
        List<String> findings = new ArrayList<>();
        for (String baseline : BASELINES) {
            figures.add(new Picture(comparison(cells, baseline), "TPOT of MA against " + baseline + ".", PLANE_FILE));
            findings.add(summary(cells, baseline));
        }
        return new Section(
                "MA against each baseline",
                List.of("The best ratio of MA against each baseline, as the change of TPOT: below zero MA is faster. Outlined"
                        + " is where the paper's 34.2 % less TPOT and 52.8 % more TPS are reached; at the same batch the"
                        + " second is 34.6 % less TPOT, so the outlines all but coincide."),
                findings, figures,
                List.of(new Data(PLANE_FILE, planeTable(cells))));
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
                        Double.isFinite(change)
                                ? "%s %s, %s %s".formatted(
                                        cell.fastest().get(Family.MA).name(),
                                        Unit.MILLISECONDS.text(cell.tpotMs(Family.MA)),
                                        cell.fastest().get(baseline).name(),
                                        Unit.MILLISECONDS.text(cell.tpotMs(baseline)))
                                : "does not fit in memory");
            }
        }
        map.outline("TPOT at least 34.2 % less",
                (column, row) -> at(cells, column, row).change(baseline) <= Paper.TPOT_CHANGE);
        map.outline("TPS at least 52.8 % more",
                (column, row) -> 1 / (1 + at(cells, column, row).change(baseline)) - 1 >= Paper.TPS_CHANGE);
        return map;
    }

    private static String summary(List<Cell> cells, String baseline) {
        List<Cell> both =
                cells.stream().filter(c -> Double.isFinite(c.change(baseline))).toList();
        if (both.isEmpty()) {
            return "Against " + baseline + ": nothing fits.";
        }
        Cell most = both.stream()
                .min(Comparator.comparingDouble(c -> c.change(baseline)))
                .orElseThrow();
        long faster = both.stream().filter(c -> c.change(baseline) < 0).count();
        long claimed = both.stream().filter(c -> c.change(baseline) <= Paper.TPOT_CHANGE).count();
        return "Against %s: MA is faster in %d of %d cells, by the claimed 34.2 %% in %d; its best is %s TPOT, at batch %d and context %d (%s)."
                .formatted(baseline, faster, both.size(), claimed, Numbers.change(most.change(baseline)), most.batch(),
                        most.context(), most.fastest().get(Family.MA).name());
    }

    private Table planeTable(List<Cell> cells) {
        Table.Builder table = Table.builder()
                .column("batch", "batch", Unit.COUNT)
                .column("context_tokens", "context", Unit.COUNT)
                .column("family", "family", Unit.PLAIN)
                .column("layout", "layout", Unit.PLAIN)
                .column("tpot_ms", "TPOT", Unit.MILLISECONDS)
                .column("tps", "TPS", Unit.NUMBER)
                .column("change_of_tpot_by_ma", "change of TPOT by MA", Unit.PERCENT)
                .column("regime", "regime", Unit.PLAIN);
        for (Cell cell : cells) {
            cell.fastest().forEach((family, point) -> table.row(cell.batch(), cell.context(), family, point.name(),
                    point.tpotMs(), point.tps(), cell.change(family), point.regime()));
        }
        return table.build();
    }
}
