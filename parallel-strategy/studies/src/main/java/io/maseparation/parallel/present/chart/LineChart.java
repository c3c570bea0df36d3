package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Lines over two axes, linear or logarithmic, with a mark at each point. Values that are not finite are left out and
 * interrupt their line; a logarithmic axis refuses values that are not positive.
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

    private record Series(String name, double[] x, double[] y, List<String> tips) {
        boolean drawn(int i) {
            return Double.isFinite(x[i]) && Double.isFinite(y[i]);
        }
    }

    private record Reference(double value, String label) {}

    private final Axis xAxis;
    private final Axis yAxis;
    private final List<Series> series = new ArrayList<>();
    private final List<Reference> references = new ArrayList<>();

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
        return series(name, x, y, List.of());
    }

    /**
     * The same with a text for each point, shown with its values when it is pointed at.
     *
     * @param name name in the legend
     * @param x values on the horizontal axis
     * @param y as many values on the vertical axis
     * @param tips as many texts, or none
     * @throws IllegalArgumentException if the numbers of values differ, or one has no place on a logarithmic axis
     */
    public LineChart series(String name, double[] x, double[] y, List<String> tips) {
        if (x.length != y.length || (!tips.isEmpty() && tips.size() != x.length)) {
            throw new IllegalArgumentException("series '%s': %d x, %d y and %d texts"
                    .formatted(name, x.length, y.length, tips.size()));
        }
        for (int i = 0; i < x.length; i++) {
            xAxis.check(x[i], "series '" + name + "'");
            yAxis.check(y[i], "series '" + name + "'");
        }
        series.add(new Series(name, x.clone(), y.clone(), List.copyOf(tips)));
        return this;
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
     * A line over the whole width, such as a bound or a limit. A value that is not finite draws nothing.
     *
     * @throws IllegalArgumentException if the value has no place on a logarithmic axis
     */
    public LineChart horizontal(double y, String label) {
        yAxis.check(y, "reference line '" + label + "'");
        if (Double.isFinite(y)) {
            references.add(new Reference(y, label));
        }
        return this;
    }

    @Override
    public String svg() {
        Sheet sheet = sheet();
        for (int i = 0; i < series.size(); i++) {
            int index = i;
            sheet.legend(series.get(i).name(), (svg, x, y) -> {
                svg.empty("path", "d", "M%s %sh22".formatted(Svg.number(x), Svg.number(y)), "fill", "none",
                        "stroke", Palette.line(index), "stroke-width", 2.2, "stroke-dasharray", Palette.dash(index));
                Marks.draw(svg, index, x + 11, y, "");
            });
        }
        double top = sheet.head() + 8;
        List<Double> xValues = values(Series::x);
        List<Double> yValues = values(Series::y);
        references.forEach(r -> yValues.add(r.value()));
        Plot plot = new Plot(xAxis, yAxis,
                Range.around(xAxis.scale(), xValues, X_TICKS, LEFT, Sheet.WIDTH - RIGHT),
                Range.around(yAxis.scale(), yValues, Y_TICKS, top + PLOT_HEIGHT, top));
        Svg svg = sheet.body();
        plot.draw(svg, X_TICKS, Y_TICKS);
        for (Reference r : references) {
            svg.line(plot.left(), plot.y().at(r.value()), plot.right(), plot.y().at(r.value()), "reference");
        }
        for (int i = 0; i < series.size(); i++) {
            draw(svg, plot, i);
        }
        // After the series, so that no line crosses a label.
        for (Reference r : references) {
            svg.text(plot.right() - 4, plot.y().at(r.value()) - 5, "end", "small halo", r.label());
        }
        if (xValues.isEmpty()) {
            svg.text((plot.left() + plot.right()) / 2, top + PLOT_HEIGHT / 2, "middle", "note", "no values");
        }
        return sheet.finish(plot.bottom() + Plot.BELOW, "%s over %s; series: %s.".formatted(
                yAxis.label(), xAxis.label(), String.join(", ", series.stream().map(Series::name).toList())));
    }

    /** All values of an axis that are drawn; a point counts only if both of its values are finite. */
    private List<Double> values(Function<Series, double[]> axis) {
        List<Double> values = new ArrayList<>();
        for (Series s : series) {
            IntStream.range(0, s.x().length).filter(s::drawn).forEach(i -> values.add(axis.apply(s)[i]));
        }
        return values;
    }

    private void draw(Svg svg, Plot plot, int index) {
        Series s = series.get(index);
        String path = Svg.path(
                s.x().length,
                i -> s.drawn(i) ? plot.x().at(s.x()[i]) : Double.NaN,
                i -> s.drawn(i) ? plot.y().at(s.y()[i]) : Double.NaN);
        if (!path.isEmpty()) {
            svg.empty("path", "d", path, "fill", "none", "stroke", Palette.line(index), "stroke-width", 2.2,
                    "stroke-linejoin", "round", "stroke-dasharray", Palette.dash(index));
        }
        for (int i = 0; i < s.x().length; i++) {
            if (s.drawn(i)) {
                String tip = "%s: %s %s, %s %s%s".formatted(s.name(), xAxis.title(), xAxis.text(s.x()[i]),
                        yAxis.title(), yAxis.text(s.y()[i]), s.tips().isEmpty() ? "" : "; " + s.tips().get(i));
                Marks.draw(svg, index, plot.x().at(s.x()[i]), plot.y().at(s.y()[i]), tip);
            }
        }
    }
}
