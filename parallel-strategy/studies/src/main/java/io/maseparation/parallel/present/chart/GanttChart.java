package io.maseparation.parallel.present.chart;

import io.maseparation.parallel.timeline.Lanes;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.List;

/**
 * What ranks did when: one row per rank, kernels above, transfers below, coloured by micro-batch. Meant for a step or
 * two. With more than {@value GanttRows#MOST} ranks, those that do the same share one row, and the row says so.
 *
 * <pre>{@code
 * String svg = new GanttChart("One step of MA 12:4", List.of("attention", …), result.timeline())
 *         .steps(4, 4)
 *         .note("simulated, a100x16")
 *         .svg();
 * }</pre>
 */
public final class GanttChart extends TitledChart<GanttChart> {
    private static final double RIGHT = 20;
    private static final double COMPUTE = 16;
    private static final double TRANSFER = 8;
    private static final double GAP = 6;
    private static final double MOST_LEFT = 170;
    private static final int MOST_LANES = 3;
    private static final int TICKS = 10;
    private static final double MS = 1e-6;
    /** Gap between consecutive events. */
    private static final double EDGE = 0.4;
    private static final double LEAST_WIDTH = 0.8;

    private final List<String> rankNames;
    private final List<TimelineEvent> events;
    private int firstStep = Integer.MIN_VALUE;
    private int lastStep = Integer.MAX_VALUE;

    /**
     * @param title title
     * @param rankNames name of each rank by index, such as its role; ranks with the same name may share a row
     * @param events what they did; waits are left out, and a rank without a name is refused when the chart is drawn
     */
    public GanttChart(String title, List<String> rankNames, List<TimelineEvent> events) {
        super(title);
        this.rankNames = List.copyOf(rankNames);
        this.events = List.copyOf(events);
    }

    /** Shows events of some steps only, both ends included. */
    public GanttChart steps(int first, int last) {
        firstStep = first;
        lastStep = last;
        return this;
    }

    @Override
    public String svg() {
        List<TimelineEvent> shown = events.stream()
                .filter(e -> e.step() >= firstStep && e.step() <= lastStep && !e.waits())
                .toList();
        List<GanttRows.Row> rows = GanttRows.of(rankNames, shown);
        long origin = shown.stream().mapToLong(TimelineEvent::startNanos).min().orElse(0);
        long end = shown.stream().mapToLong(TimelineEvent::endNanos).max().orElse(origin);
        boolean transfers = shown.stream().anyMatch(e -> e.stream() == TimelineEvent.Stream.TRANSFER);
        Sheet sheet = sheet();
        GanttNames names = new GanttNames(shown);
        legend(sheet, shown, transfers, names);
        double top = sheet.head() + 6;
        double each = COMPUTE + (transfers ? TRANSFER + 1 : 0) + GAP;
        double bottom = top + Math.max(1, rows.size()) * each;
        double left = Math.min(MOST_LEFT, 26 + Words.widest(rows.stream().map(GanttRows.Row::label), Sheet.TEXT));
        Time time = new Time(origin, Math.max(1, end - origin) * MS, left, Sheet.WIDTH - RIGHT);
        Svg svg = sheet.body();
        Plot.columns(svg, Ticks.of(Scale.LINEAR, 0, time.ms(), TICKS), time::atMs, top, bottom);
        Plot.titles(svg, "time (ms)", "", left, Sheet.WIDTH - RIGHT, top, bottom);
        for (int i = 0; i < rows.size(); i++) {
            draw(svg, rows.get(i), time, names, top + i * each);
        }
        svg.line(left, top, left, bottom, "axis");
        svg.line(left, bottom, Sheet.WIDTH - RIGHT, bottom, "axis");
        if (shown.isEmpty()) {
            svg.text((left + Sheet.WIDTH - RIGHT) / 2, (top + bottom) / 2 + 4, "middle", "note", "no events");
        }
        return sheet.finish(bottom + Plot.BELOW, "A row for each of %d ranks over time (ms): kernels%s, by micro-batch."
                .formatted(rankNames.size(), transfers ? " above, transfers below" : ""));
    }

    private static void legend(Sheet sheet, List<TimelineEvent> shown, boolean transfers, GanttNames names) {
        sheet.legendTitle("micro-batch:");
        shown.stream().mapToInt(TimelineEvent::microBatch).distinct().sorted().forEach(m -> sheet.legend(
                Integer.toString(m), Sheet.square(colour(m))));
        if (transfers) {
            sheet.legend("kernels", (svg, x, y) -> svg.empty("rect", "x", x, "y", y - 7, "width", 20, "height", 14,
                    "fill", "currentColor", "fill-opacity", 0.75));
            sheet.legend("transfers", (svg, x, y) -> svg.empty("rect", "x", x, "y", y - 2, "width", 20, "height", 6,
                    "fill", "currentColor", "fill-opacity", 0.45));
        }
        if (!names.key().isEmpty()) {
            sheet.legendTitle(names.key() + "; with the number of the layer or stage");
        }
    }

    private static String colour(int microBatch) {
        return Palette.category(Math.floorMod(microBatch, Palette.categories()));
    }

    private static void draw(Svg svg, GanttRows.Row row, Time time, GanttNames names, double y) {
        svg.open("g").leaf("title", row.tip());
        svg.text(time.left() - 8, y + COMPUTE / 2 + 4.5, "end", "tick",
                Words.fitting(row.label(), time.left() - 12, Sheet.TEXT));
        svg.close("g");
        List<TimelineEvent> transfers = new ArrayList<>();
        for (TimelineEvent event : row.events()) {
            if (event.stream() == TimelineEvent.Stream.TRANSFER) {
                transfers.add(event);
            } else {
                mark(svg, event, time, y, COMPUTE, 1);
                String name = names.fitting(event.name(), time.width(event) - 3);
                if (!name.isEmpty()) {
                    svg.text(time.at(event.startNanos()) + time.width(event) / 2, y + COMPUTE / 2 + 4, "middle",
                            "small " + Palette.ink(colour(event.microBatch())), name);
                }
            }
        }
        List<List<TimelineEvent>> lanes = Lanes.of(transfers);
        double height = TRANSFER / Math.clamp(lanes.size(), 1, MOST_LANES);
        for (int i = 0; i < lanes.size(); i++) {
            for (TimelineEvent event : lanes.get(i)) {
                mark(svg, event, time, y + COMPUTE + 1 + height * (i % MOST_LANES), height, 0.6);
            }
        }
    }

    private static void mark(
            Svg svg, TimelineEvent event, Time time, double y, double height, double opacity) {
        double start = (event.startNanos() - time.originNanos()) * MS;
        double duration = (event.endNanos() - event.startNanos()) * MS;
        String tip = "rank %d, %s, micro-batch %d, step %d%s: %s ms from %s ms".formatted(
                event.rank(), event.name(), event.microBatch(), event.step(), event.prefill() ? " (prefill)" : "",
                Ticks.label(duration), Ticks.label(start));
        double width = Math.max(LEAST_WIDTH, time.width(event) - EDGE);
        svg.mark("rect", tip, "x", time.at(event.startNanos()), "y", y, "width", width, "height", height, "fill",
                colour(event.microBatch()), "fill-opacity", opacity);
    }

    /** Where times lie on the sheet. */
    private record Time(long originNanos, double ms, double left, double right) {
        double atMs(double value) {
            return left + value / ms * (right - left);
        }

        double at(long nanos) {
            return atMs((nanos - originNanos) * MS);
        }

        double width(TimelineEvent event) {
            return at(event.endNanos()) - at(event.startNanos());
        }
    }
}
