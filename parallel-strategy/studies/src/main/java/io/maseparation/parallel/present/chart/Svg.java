package io.maseparation.parallel.present.chart;

import io.maseparation.parallel.present.Markup;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/** Writes SVG elements as text. Numbers have at most two decimals, text is escaped, and every number is finite. */
final class Svg {
    /** Height of one of several lines of text. */
    static final double LINE = 15;

    private final StringBuilder out = new StringBuilder();

    /** Starts an element; attributes are names and values in turn. */
    Svg open(String tag, Object... attributes) {
        start(tag, attributes).append('>');
        return this;
    }

    Svg close(String tag) {
        out.append("</").append(tag).append(">\n");
        return this;
    }

    /** An element without content. */
    Svg empty(String tag, Object... attributes) {
        start(tag, attributes).append("/>\n");
        return this;
    }

    /** An element with text in it. */
    Svg leaf(String tag, String text, Object... attributes) {
        open(tag, attributes);
        out.append(Markup.escape(text));
        return close(tag);
    }

    /** A mark with a tip that is shown when it is pointed at. */
    Svg mark(String tag, String tip, Object... attributes) {
        open(tag, attributes);
        if (!tip.isEmpty()) {
            out.append("<title>").append(Markup.escape(tip)).append("</title>");
        }
        return close(tag);
    }

    /** A line of text; {@code anchor} is start, middle or end. */
    Svg text(double x, double y, String anchor, String style, String text) {
        return leaf("text", text, "x", x, "y", y, "text-anchor", anchor, "class", style);
    }

    /** An axis title, centred on a point and written upwards. */
    Svg upwards(double x, double y, String text) {
        return leaf("text", text, "class", "label", "text-anchor", "middle", "transform",
                "translate(%s %s) rotate(-90)".formatted(number(x), number(y)));
    }

    /** Lines of text below each other, centred on {@code y}. */
    void lines(double x, double y, String anchor, String style, List<String> lines) {
        for (int i = 0; i < lines.size(); i++) {
            text(x, y + 4.5 + LINE * (i - (lines.size() - 1) / 2.0), anchor, style, lines.get(i));
        }
    }

    /** A straight line. */
    Svg line(double x1, double y1, double x2, double y2, String style) {
        return empty("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", style);
    }

    private StringBuilder start(String tag, Object... attributes) {
        out.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            out.append(' ').append(attributes[i]).append("=\"").append(value(attributes[i + 1])).append('"');
        }
        return out;
    }

    private static String value(Object value) {
        return value instanceof Number number ? number(number.doubleValue()) : Markup.escape(value.toString());
    }

    /** The data of a path through points; a point that is not finite interrupts it. */
    static String path(int points, IntToDoubleFunction x, IntToDoubleFunction y) {
        StringBuilder path = new StringBuilder();
        boolean joined = false;
        for (int i = 0; i < points; i++) {
            boolean drawn = Double.isFinite(x.applyAsDouble(i)) && Double.isFinite(y.applyAsDouble(i));
            if (drawn) {
                path.append(joined ? 'L' : 'M')
                        .append(number(x.applyAsDouble(i)))
                        .append(' ')
                        .append(number(y.applyAsDouble(i)));
            }
            joined = drawn;
        }
        return path.toString();
    }

    /** A coordinate. */
    static String number(double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("a coordinate is " + value);
        }
        long hundredths = Math.round(value * 100);
        if (hundredths % 100 == 0) {
            return Long.toString(hundredths / 100);
        }
        long size = Math.abs(hundredths);
        String decimals = size % 10 == 0 ? Long.toString(size % 100 / 10) : "%02d".formatted(size % 100);
        return (hundredths < 0 ? "-" : "") + size / 100 + "." + decimals;
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
