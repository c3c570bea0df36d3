package io.maseparation.parallel.present.chart;

import java.util.function.BiPredicate;

/** Lines and outlines over a map's cells: black with a white edge, so that they stand out on every colour. */
record MapOverlay(Grid grid) {
    private static final String[] LINE_DASHES = {"8 4", "2 4", "12 4 2 4"};
    private static final String[] OUTLINE_DASHES = {"", "9 5", "3 4"};

    static String lineDash(int index) {
        return LINE_DASHES[index % LINE_DASHES.length];
    }

    static String outlineDash(int index) {
        return OUTLINE_DASHES[index % OUTLINE_DASHES.length];
    }

    static void stroke(Svg svg, String path, double width, String dash) {
        svg.empty("path", "d", path, "fill", "none", "stroke", "#fff", "stroke-width", width + 2.5, "stroke-linejoin",
                "round", "stroke-linecap", "round");
        svg.empty("path", "d", path, "fill", "none", "stroke", "#000", "stroke-width", width, "stroke-linejoin",
                "round", "stroke-dasharray", dash);
    }

    void line(Svg svg, double[] x, double[] y, int index) {
        String path = Svg.path(x.length, i -> grid.x(x[i]) - grid.left(), i -> grid.y(y[i]) - grid.top());
        // An inner <svg> cuts off what lies beyond it, and needs no id as a clip path would.
        svg.open("svg", "x", grid.left(), "y", grid.top(), "width", grid.right() - grid.left(), "height",
                grid.bottom() - grid.top(), "overflow", "hidden");
        if (!path.isEmpty()) {
            stroke(svg, path, 2.2, lineDash(index));
        }
        svg.close("svg");
    }

    void outline(Svg svg, BiPredicate<Integer, Integer> inside, int index) {
        StringBuilder path = new StringBuilder();
        for (int row = 0; row < grid.ys().length; row++) {
            for (int column = 0; column < grid.xs().length; column++) {
                if (inside.test(column, row)) {
                    edges(path, inside, column, row);
                }
            }
        }
        if (!path.isEmpty()) {
            stroke(svg, path.toString(), 3, outlineDash(index));
        }
    }

    /** The edges of a cell beyond which the region ends. */
    private void edges(StringBuilder path, BiPredicate<Integer, Integer> inside, int column, int row) {
        double x = grid.left(column);
        double y = grid.top(row);
        String across = "h" + Svg.number(grid.cellWidth());
        String down = "v" + Svg.number(grid.cellHeight());
        if (!has(inside, column, row + 1)) {
            edge(path, x, y, across);
        }
        if (!has(inside, column - 1, row)) {
            edge(path, x, y, down);
        }
        if (!has(inside, column, row - 1)) {
            edge(path, x, y + grid.cellHeight(), across);
        }
        if (!has(inside, column + 1, row)) {
            edge(path, x + grid.cellWidth(), y, down);
        }
    }

    private static void edge(StringBuilder path, double x, double y, String stroke) {
        path.append('M').append(Svg.number(x)).append(' ').append(Svg.number(y)).append(stroke);
    }

    private boolean has(BiPredicate<Integer, Integer> inside, int column, int row) {
        return column >= 0 && column < grid.xs().length && row >= 0 && row < grid.ys().length
                && inside.test(column, row);
    }
}
