package io.maseparation.parallel.present.chart;

import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** A rectangle with an axis below and one at the left. */
record Plot(Axis xAxis, Axis yAxis, Range x, Range y) {
    /** Height below the rectangle for numbers and title. */
    static final double BELOW = 52;

    double left() {
        return x.at(x.low());
    }

    double right() {
        return x.at(x.high());
    }

    double top() {
        return y.at(y.high());
    }

    double bottom() {
        return y.at(y.low());
    }

    /** Draws grid, numbers and titles. */
    void draw(Svg svg, int xTicks, int yTicks) {
        for (double tick : y.ticks(yTicks)) {
            double at = y.at(tick);
            svg.line(left(), at, right(), at, "grid");
            svg.text(left() - 8, at + 4.5, "end", "tick", Ticks.label(tick));
        }
        drawX(svg, x.ticks(xTicks));
        titles(svg, xAxis.label(), yAxis.label(), left(), right(), top(), bottom());
        svg.line(left(), top(), left(), bottom(), "axis");
    }

    private void drawX(Svg svg, List<Double> ticks) {
        ticks.forEach(tick -> svg.line(x.at(tick), top(), x.at(tick), bottom(), "grid"));
        labels(svg, ticks, x::at, bottom());
        svg.line(left(), bottom(), right(), bottom(), "axis");
    }

    /** Writes values below a rectangle, as many as there is room for. */
    static void labels(Svg svg, List<Double> values, DoubleUnaryOperator at, double bottom) {
        double free = Double.NEGATIVE_INFINITY;
        for (double value : values) {
            String label = Ticks.label(value);
            double middle = at.applyAsDouble(value);
            double half = Words.width(label, Sheet.TEXT) / 2;
            if (middle - half > free) {
                svg.text(middle, bottom + 19, "middle", "tick", label);
                free = middle + half + 6;
            }
        }
    }

    /** Draws a vertical line at each value, with the value below it. */
    static void columns(Svg svg, List<Double> values, DoubleUnaryOperator at, double top, double bottom) {
        for (double value : values) {
            double x = at.applyAsDouble(value);
            svg.line(x, top, x, bottom, "grid");
            svg.text(x, bottom + 19, "middle", "tick", Ticks.label(value));
        }
    }

    /** Draws the titles of both axes of a rectangle. */
    static void titles(
            Svg svg, String xTitle, String yTitle, double left, double right, double top, double bottom) {
        svg.text((left + right) / 2, bottom + 41, "middle", "label", xTitle);
        svg.upwards(18, (top + bottom) / 2, yTitle);
    }
}
