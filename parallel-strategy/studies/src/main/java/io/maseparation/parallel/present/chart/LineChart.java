package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * Lines and points over two axes, linear or logarithmic. Values that are not finite are left out and interrupt their
 * line; a logarithmic axis refuses values that are not positive.
 *
 * <pre>{@code
 * String svg = new LineChart("TPOT of two layouts", new Axis("batch", "sequences", Scale.LOG2),
 *                 new Axis("TPOT", "ms", Scale.LOG))
 *         .note("simulated, a100x16")
 *         .series("ma 12:4", batches, times)
 *         .horizontal(1.96, "bound")
 *         .svg();
 * }</pre>
 */
public final class LineChart extends TitledChart<LineChart> {
    private static final double LEFT = 74;
    private static final double RIGHT = 20;
    private static final double PLOT_HEIGHT = 350;
    private static final int X_TICKS = 11;
    private static final int Y_TICKS = 8;
    private static final double LABEL_LINE = 15;

    private record Series(String name, double[] x, double[] y, List<String> tips, boolean line) {}

    private record Reference(boolean horizontal, double value, String label) {}

    private record Region(String label, double fromX, double toX, double fromY, double toY) {}

    private final Axis xAxis;
    private final Axis yAxis;
    private final List<Series> series = new ArrayList<>();
    private final List<Reference> references = new ArrayList<>();
    private final List<Region> regions = new ArrayList<>();

    /**
     * @param title title
     * @param x horizontal axis
     * @param y vertical axis
     */
    public LineChart(String title, Axis x, Axis y) {
        super(title);
        this.xAxis = x;
        this.yAxis = y;
    }

    /**
     * A line with a mark at each point.
     *
     * @param name name in the legend
     * @param x values on the horizontal axis, in the order in which they are joined
     * @param y as many values on the vertical axis
     * @throws IllegalArgumentException if the numbers of values differ, or one has no place on a logarithmic axis
     */
    public LineChart series(String name, double[] x, double[] y) {
        return add(name, x, y, List.of(), true);
    }

    /**
     * The same with a text for each point, shown with its values when it is pointed at.
     *
     * @param name name in the legend
     * @param x values on the horizontal axis
     * @param y as many values on the vertical axis
     * @param tips as many texts
     * @throws IllegalArgumentException if the numbers of values differ, or one has no place on a logarithmic axis
     */
    public LineChart series(String name, double[] x, double[] y, List<String> tips) {
        return add(name, x, y, tips, true);
    }

    /**
     * A line through a point for each of some values, with a text for each.
     *
     * @param name name in the legend
     * @param values what the points are of, in the order in which they are joined
     * @param x value on the horizontal axis
     * @param y value on the vertical axis
     * @param tip shown with the values when the point is pointed at
     * @throws IllegalArgumentException if a value has no place on a logarithmic axis
     */
    public <T> LineChart series(
            String name, List<T> values, ToDoubleFunction<T> x, ToDoubleFunction<T> y, Function<T, String> tip) {
        return series(
                name,
                values.stream().mapToDouble(x).toArray(),
                values.stream().mapToDouble(y).toArray(),
                values.stream().map(tip).toList());
    }

    /**
     * Marks that no line joins.
     *
     * @param name name in the legend
     * @param x values on the horizontal axis
     * @param y as many values on the vertical axis
     * @param tips as many texts, or none
     * @throws IllegalArgumentException if the numbers of values differ, or one has no place on a logarithmic axis
     */
    public LineChart points(String name, double[] x, double[] y, List<String> tips) {
        return add(name, x, y, tips, false);
    }

    private LineChart add(String name, double[] x, double[] y, List<String> tips, boolean line) {
        if (x.length != y.length || (!tips.isEmpty() && tips.size() != x.length)) {
            throw new IllegalArgumentException("series '%s': %d x, %d y and %d texts"
                    .formatted(name, x.length, y.length, tips.size()));
        }
        for (int i = 0; i < x.length; i++) {
            xAxis.check(x[i], "series '" + name + "'");
            yAxis.check(y[i], "series '" + name + "'");
        }
        series.add(new Series(name, x.clone(), y.clone(), List.copyOf(tips), line));
        return this;
    }

    /**
     * A line over the whole width, such as a bound or a limit. A value that is not finite draws nothing.
     *
     * @throws IllegalArgumentException if the value has no place on a logarithmic axis
     */
    public LineChart horizontal(double y, String label) {
        return reference(true, y, label, yAxis);
    }

    /**
     * A line over the whole height. A value that is not finite draws nothing.
     *
     * @throws IllegalArgumentException if the value has no place on a logarithmic axis
     */
    public LineChart vertical(double x, String label) {
        return reference(false, x, label, xAxis);
    }

    private LineChart reference(boolean horizontal, double value, String label, Axis axis) {
        axis.check(value, "reference line '" + label + "'");
        if (Double.isFinite(value)) {
            references.add(new Reference(horizontal, value, label));
        }
        return this;
    }

    /**
     * Marks a rectangle. An infinite end, or one beyond the values shown, is the edge of the chart.
     *
     * @throws IllegalArgumentException if an end is NaN
     */
    public LineChart region(String label, double fromX, double toX, double fromY, double toY) {
        if (DoubleStream.of(fromX, toX, fromY, toY).anyMatch(Double::isNaN)) {
            throw new IllegalArgumentException("region '" + label + "' has no end");
        }
        regions.add(new Region(label, fromX, toX, fromY, toY));
        return this;
    }

    @Override
    LineChart self() {
        return this;
    }

    @Override
    public String svg() {
        Sheet sheet = sheet();
        for (int i = 0; i < series.size(); i++) {
            int index = i;
            sheet.legend(series.get(i).name(), (svg, x, y) -> {
                if (series.get(index).line()) {
                    svg.empty("path", "d", "M%s %sh22".formatted(Svg.number(x), Svg.number(y)), "fill", "none",
                            "stroke", Palette.line(index), "stroke-width", 2.2, "stroke-dasharray",
                            Palette.dash(index));
                }
                Marks.draw(svg, index, x + 11, y, "");
            });
        }
        double top = sheet.head() + 8;
        Plot plot = new Plot(
                xAxis,
                yAxis,
                Range.around(xAxis.scale(), values(true), X_TICKS, LEFT, Sheet.WIDTH - RIGHT),
                Range.around(yAxis.scale(), values(false), Y_TICKS, top + PLOT_HEIGHT, top));
        Svg svg = sheet.body();
        drawRegions(svg, plot);
        plot.draw(svg, X_TICKS, Y_TICKS);
        drawReferences(svg, plot);
        boolean any = false;
        for (int i = 0; i < series.size(); i++) {
            any |= draw(svg, plot, i);
        }
        labelReferences(svg, plot);
        labelRegions(svg, plot);
        if (!any) {
            svg.text((plot.left() + plot.right()) / 2, top + PLOT_HEIGHT / 2, "middle", "note", "no values");
        }
        return sheet.finish(plot.bottom() + Plot.BELOW, "%s over %s; series: %s.".formatted(
                yAxis.label(), xAxis.label(), String.join(", ", series.stream().map(Series::name).toList())));
    }

    /** All values of an axis that are drawn; a point counts only if both of its values are finite. */
    private List<Double> values(boolean horizontal) {
        List<Double> values = new ArrayList<>();
        for (Series s : series) {
            for (int i = 0; i < s.x().length; i++) {
                if (drawn(s, i)) {
                    values.add(horizontal ? s.x()[i] : s.y()[i]);
                }
            }
        }
        for (Reference r : references) {
            if (r.horizontal() != horizontal) {
                values.add(r.value());
            }
        }
        return values;
    }

    private static boolean drawn(Series s, int i) {
        return Double.isFinite(s.x()[i]) && Double.isFinite(s.y()[i]);
    }

    private boolean draw(Svg svg, Plot plot, int index) {
        Series s = series.get(index);
        String path = Svg.path(
                s.x().length,
                i -> drawn(s, i) ? plot.x().at(s.x()[i]) : Double.NaN,
                i -> drawn(s, i) ? plot.y().at(s.y()[i]) : Double.NaN);
        if (!path.isEmpty() && s.line()) {
            svg.empty("path", "d", path, "fill", "none", "stroke", Palette.line(index), "stroke-width", 2.2,
                    "stroke-linejoin", "round", "stroke-dasharray", Palette.dash(index));
        }
        for (int i = 0; i < s.x().length; i++) {
            if (drawn(s, i)) {
                String tip = "%s: %s %s, %s %s%s".formatted(s.name(), xAxis.title(), xAxis.text(s.x()[i]),
                        yAxis.title(), yAxis.text(s.y()[i]), s.tips().isEmpty() ? "" : "; " + s.tips().get(i));
                Marks.draw(svg, index, plot.x().at(s.x()[i]), plot.y().at(s.y()[i]), tip);
            }
        }
        return !path.isEmpty();
    }

    private void drawRegions(Svg svg, Plot plot) {
        for (int i = 0; i < regions.size(); i++) {
            Region r = regions.get(i);
            double x1 = plot.x().at(r.fromX());
            double x2 = plot.x().at(r.toX());
            double y1 = plot.y().at(r.toY());
            double y2 = plot.y().at(r.fromY());
            svg.mark("rect", r.label(), "x", Math.min(x1, x2), "y", Math.min(y1, y2), "width", Math.abs(x2 - x1),
                    "height", Math.abs(y2 - y1), "fill", Palette.category(i + 3), "fill-opacity", 0.16);
        }
    }

    private void labelRegions(Svg svg, Plot plot) {
        for (int i = 0; i < regions.size(); i++) {
            Region r = regions.get(i);
            double left = plot.x().at(r.fromX());
            double right = plot.x().at(r.toX());
            double width = Words.width(r.label(), Sheet.SMALL);
            double x = Math.clamp((left + right - width) / 2, plot.left() + 4, Math.max(plot.left() + 4,
                    plot.right() - width));
            svg.text(x, plot.y().at(r.fromY()) - 7 - LABEL_LINE * i, "start", "small halo", r.label());
        }
    }

    private void drawReferences(Svg svg, Plot plot) {
        for (Reference r : references) {
            if (r.horizontal()) {
                double y = plot.y().at(r.value());
                svg.line(plot.left(), y, plot.right(), y, "reference");
            } else {
                double x = plot.x().at(r.value());
                svg.line(x, plot.top(), x, plot.bottom(), "reference");
            }
        }
    }

    /** After the series, so that no line crosses a label. */
    private void labelReferences(Svg svg, Plot plot) {
        int vertical = 0;
        for (Reference r : references) {
            if (r.horizontal()) {
                double y = plot.y().at(r.value());
                svg.text(plot.right() - 4, y - 5, "end", "small halo", r.label());
            } else {
                double x = plot.x().at(r.value());
                boolean right = x + 8 + Words.width(r.label(), Sheet.SMALL) < plot.right();
                svg.text(right ? x + 5 : x - 5, plot.top() + 13 + LABEL_LINE * vertical++, right ? "start" : "end",
                        "small halo", r.label());
            }
        }
    }
}
