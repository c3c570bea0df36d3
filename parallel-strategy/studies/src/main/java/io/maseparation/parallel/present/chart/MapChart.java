package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.stream.DoubleStream;

/**
 * A grid of cells over two axes, each with an amount or a category as its colour and a text in it; lines and an
 * outlined region of cells may lie over it. Cells have equal size whatever their values; between the centres of cells,
 * lines follow the axes' scales.
 *
 * <pre>{@code
 * MapChart map = new MapChart("Best A:M", new Axis("batch", "sequences", Scale.LOG2),
 *         new Axis("context", "tokens", Scale.LOG2), batches, contexts, new Axis("best A:M", "", Scale.LINEAR));
 * map.category(0, 0, "8:8", "8:8", "TPOT 0.71 ms");
 * map.outline("3:1 is best", (column, row) -> best[row][column].equals("12:4"));
 * String svg = map.line("closed form", lineBatches, lineContexts).svg();
 * }</pre>
 */
public final class MapChart extends TitledChart<MapChart> {
    private static final double LEFT = 84;
    private static final double RIGHT = 20;
    private static final double RIGHT_WITH_SCALE = 104;
    private static final double LEAST_PLOT_HEIGHT = 200;
    private static final double CELL_HEIGHT = 38;

    /** A cell; either a category, or an amount and no category. */
    record Cell(int column, int row, Optional<String> category, double value, String text, String tip) {}

    private record Outline(String label, BiPredicate<Integer, Integer> inside) {}

    private record Line(String label, double[] x, double[] y) {}

    private final Axis xAxis;
    private final Axis yAxis;
    private final double[] xs;
    private final double[] ys;
    private final Axis value;
    private final List<Cell> cells = new ArrayList<>();
    private final List<Line> lines = new ArrayList<>();
    private final List<Outline> outlines = new ArrayList<>();
    private List<String> order = List.of();
    private double middle = Double.NaN;

    /**
     * @param title title
     * @param x horizontal axis
     * @param y vertical axis
     * @param xs values of the columns, from left to right, rising
     * @param ys values of the rows, from the bottom up, rising
     * @param value what the cells show; its scale spreads the colours of amounts
     * @throws IllegalArgumentException if there is no column or row, or their values do not rise, are not finite or
     *     have no place on a logarithmic axis
     */
    public MapChart(String title, Axis x, Axis y, double[] xs, double[] ys, Axis value) {
        super(title);
        this.xAxis = x;
        this.yAxis = y;
        this.xs = checked(x, xs);
        this.ys = checked(y, ys);
        this.value = value;
    }

    private static double[] checked(Axis axis, double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("no value of '" + axis.label() + "'");
        }
        for (int i = 0; i < values.length; i++) {
            axis.check(values[i], "a cell");
            if (!Double.isFinite(values[i]) || (i > 0 && values[i] <= values[i - 1])) {
                throw new IllegalArgumentException("values of '" + axis.label() + "' must rise");
            }
        }
        return values.clone();
    }

    /**
     * Sets the order of the categories, which are then coloured from dark to light. Without it each category gets a
     * colour of its own as it comes, as long as there are enough colours.
     */
    public MapChart order(List<String> categories) {
        order = List.copyOf(categories);
        return this;
    }

    /**
     * Sets the amount that means "the same": one colour stands for less and one for more, equally far on both sides.
     * The scale must be linear.
     */
    public MapChart middle(double amount) {
        if (value.scale().logarithmic()) {
            throw new IllegalArgumentException(
                    "a middle amount needs a linear scale, and that of '" + value.label() + "' is logarithmic");
        }
        middle = amount;
        return this;
    }

    /**
     * A cell with a category.
     *
     * @param column column, from the left
     * @param row row, from the bottom
     * @param category what decides the colour
     * @param text written in the cell where it fits
     * @param tip said when it is pointed at
     * @throws IllegalArgumentException if there is no such cell
     */
    public MapChart category(int column, int row, String category, String text, String tip) {
        return cell(new Cell(column, row, Optional.of(category), Double.NaN, text, tip));
    }

    /**
     * A cell with an amount; one that is not finite is grey and has its tip only.
     *
     * @param column column, from the left
     * @param row row, from the bottom
     * @param amount what decides the colour
     * @param text written in the cell where it fits
     * @param tip said when it is pointed at
     * @throws IllegalArgumentException if there is no such cell, or the amount has no place on a logarithmic scale
     */
    public MapChart amount(int column, int row, double amount, String text, String tip) {
        value.check(amount, "cell %d, %d".formatted(column, row));
        return cell(new Cell(column, row, Optional.empty(), amount, Double.isFinite(amount) ? text : "", tip));
    }

    private MapChart cell(Cell cell) {
        if (cell.column() < 0 || cell.column() >= xs.length || cell.row() < 0 || cell.row() >= ys.length) {
            throw new IllegalArgumentException("cell %d, %d of a map of %d x %d"
                    .formatted(cell.column(), cell.row(), xs.length, ys.length));
        }
        cells.add(cell);
        return this;
    }

    /**
     * A line over the cells; points that are not finite are left out, and what lies beyond the map is cut off.
     *
     * @throws IllegalArgumentException if the numbers of coordinates differ, or one has no place on a logarithmic axis
     */
    public MapChart line(String label, double[] x, double[] y) {
        if (x.length != y.length) {
            throw new IllegalArgumentException("line '%s': %d x, %d y".formatted(label, x.length, y.length));
        }
        for (int i = 0; i < x.length; i++) {
            xAxis.check(x[i], "line '" + label + "'");
            yAxis.check(y[i], "line '" + label + "'");
        }
        lines.add(new Line(label, x.clone(), y.clone()));
        return this;
    }

    /** Outlines the cells (column, row) for which the test holds. */
    public MapChart outline(String label, BiPredicate<Integer, Integer> inside) {
        outlines.add(new Outline(label, inside));
        return this;
    }

    @Override
    public String svg() {
        Sheet sheet = sheet();
        MapColours colours = new MapColours(cells, order, middle, value.scale());
        if (!colours.categories().isEmpty()) {
            sheet.legendTitle(value.label() + ":");
        }
        colours.categories().forEach(c -> sheet.legend(c, Sheet.square(colours.of(c))));
        for (int i = 0; i < outlines.size(); i++) {
            int index = i;
            sheet.legend(outlines.get(i).label(),
                    (svg, x, y) -> MapOverlay.stroke(svg,
                            "M%s %sh16v12h-16Z".formatted(Svg.number(x + 3), Svg.number(y - 6)),
                            3, MapOverlay.outlineDash(index)));
        }
        for (int i = 0; i < lines.size(); i++) {
            int index = i;
            sheet.legend(lines.get(i).label(),
                    (svg, x, y) -> MapOverlay.stroke(svg, "M%s %sh22".formatted(Svg.number(x), Svg.number(y)), 2.2,
                            MapOverlay.lineDash(index)));
        }
        double top = sheet.head() + 8;
        double right = Sheet.WIDTH - (colours.amounts() ? RIGHT_WITH_SCALE : RIGHT);
        double bottom = top + Math.max(LEAST_PLOT_HEIGHT, ys.length * CELL_HEIGHT);
        Grid grid = new Grid(xAxis.scale(), yAxis.scale(), xs, ys, LEFT, right, top, bottom);
        Svg svg = sheet.body();
        cells.forEach(c -> draw(svg, grid, c, colours.of(c)));
        ticks(svg, grid);
        Plot.titles(svg, xAxis.label(), yAxis.label(), LEFT, right, top, bottom);
        svg.empty("rect", "x", LEFT, "y", top, "width", right - LEFT, "height", bottom - top, "fill", "none", "class",
                "axis");
        MapOverlay overlay = new MapOverlay(grid);
        for (int i = 0; i < lines.size(); i++) {
            overlay.line(svg, lines.get(i).x(), lines.get(i).y(), i);
        }
        for (int i = 0; i < outlines.size(); i++) {
            overlay.outline(svg, outlines.get(i).inside(), i);
        }
        if (colours.amounts()) {
            colours.scale(svg, value, right + 20, top, bottom);
        }
        return sheet.finish(bottom + Plot.BELOW, "%s over %s and %s.".formatted(
                value.label(), xAxis.label(), yAxis.label()));
    }

    private void draw(Svg svg, Grid grid, Cell cell, String fill) {
        double x = grid.left(cell.column());
        double y = grid.top(cell.row());
        String where = "%s %s, %s %s".formatted(xAxis.title(), xAxis.text(xs[cell.column()]), yAxis.title(),
                yAxis.text(ys[cell.row()]));
        String what = cell.category()
                .orElseGet(() -> Double.isFinite(cell.value()) ? value.text(cell.value()) : "no value");
        String tip = "%s: %s %s%s".formatted(where, value.title(), what, cell.tip().isEmpty() ? "" : "; " + cell.tip());
        // The text lies in the same group, so that pointing at it says the same.
        svg.open("g").leaf("title", tip);
        svg.empty("rect", "x", x + 0.5, "y", y + 0.5, "width", grid.cellWidth() - 1, "height", grid.cellHeight() - 1,
                "fill", fill);
        double size = Words.width(cell.text(), Sheet.TEXT) <= grid.cellWidth() - 6 ? Sheet.TEXT : Sheet.SMALL;
        List<String> words = Words.wrap(cell.text(), grid.cellWidth() - 4, size);
        boolean fits = words.stream().allMatch(w -> Words.width(w, size) <= grid.cellWidth() - 4)
                && words.size() * Svg.LINE <= grid.cellHeight();
        if (fits) {
            svg.lines(x + grid.cellWidth() / 2, y + grid.cellHeight() / 2, "middle",
                    (size < Sheet.TEXT ? "small " : "") + Palette.ink(fill), words);
        }
        svg.close("g");
    }

    private void ticks(Svg svg, Grid grid) {
        Plot.labels(svg, DoubleStream.of(xs).boxed().toList(), grid::x, grid.bottom());
        for (int i = 0; i < ys.length; i++) {
            svg.text(grid.left(0) - 8, grid.top(i) + grid.cellHeight() / 2 + 4.5, "end", "tick", Ticks.label(ys[i]));
        }
    }
}
