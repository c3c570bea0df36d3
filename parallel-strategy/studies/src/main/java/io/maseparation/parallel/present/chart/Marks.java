package io.maseparation.parallel.present.chart;

/** Marks of points: shapes differ from series to series, as colours do. */
final class Marks {
    private static final String[] SHAPES = {
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
        "M-3.7 -3.7H3.7V3.7H-3.7Z",
        "M0 -4.8L4.6 3.6H-4.6Z",
        "M0 -5L5 0L0 5L-5 0Z",
        "M0 4.8L4.6 -3.6H-4.6Z",
        "M-4.6 -1.5H-1.5V-4.6H1.5V-1.5H4.6V1.5H1.5V4.6H-1.5V1.5H-4.6Z"
    };

    private Marks() {}

    static void draw(Svg svg, int series, double x, double y, String tip) {
        svg.mark("path", tip, "d", SHAPES[series % SHAPES.length], "transform",
                "translate(%s %s)".formatted(Svg.number(x), Svg.number(y)), "fill", Palette.line(series));
    }
}
