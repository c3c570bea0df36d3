package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What every chart has: the frame, the style, the title, a note, a legend. Coordinates are pixels of a sheet
 * {@value #WIDTH} wide; on a narrower screen it shrinks to {@value #LEAST_WIDTH} and is then scrolled. A narrow one is
 * {@value #NARROW} wide and shrinks to a telephone's width.
 */
final class Sheet {
    static final double WIDTH = 860;
    static final int LEAST_WIDTH = 780;
    static final double NARROW = 460;
    private static final String NARROW_STYLE = "min-width:320px;max-width:690px";
    static final double MARGIN = 16;
    static final double TEXT = 13;
    static final double SMALL = 12;
    private static final double TITLE = 17;
    private static final double LINE = 18;
    private static final double SYMBOL = 26;
    /** Defaults for an SVG that is opened by itself or shown by a program that ignores style sheets. */
    private static final String STYLE = """
            .chart{width:100%%;min-width:%dpx;max-width:1100px;height:auto;display:block;\
            font:%dpx system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",Arial,sans-serif;\
            color:#1b1f24;background:#fff}
            .chart text{fill:currentColor}
            .chart text.title{font-size:%dpx;font-weight:600}
            .chart text.small{font-size:%dpx}
            .chart text.note{fill-opacity:.78}
            .chart text.onlight{fill:#111}
            .chart text.ondark{fill:#fff}
            .chart .grid{stroke:currentColor;stroke-opacity:.15}
            .chart .axis{stroke:currentColor;stroke-opacity:.65}
            .chart .reference{stroke:currentColor;stroke-width:1.5;stroke-dasharray:6 4}
            .chart .halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
            @media (prefers-color-scheme:dark){.chart{color:#e8eaed;background:#15181c}.chart .halo{stroke:#15181c}}
            """.formatted(LEAST_WIDTH, (int) TEXT, (int) TITLE, (int) SMALL);

    /** Draws a legend's symbol, about 22 wide, around a middle left point. */
    @FunctionalInterface
    interface Symbol {
        void draw(Svg svg, double x, double y);
    }

    /** A legend's entry; one without a symbol is a heading. */
    private record Entry(String label, Optional<Symbol> symbol) {}

    private final String title;
    private final String note;
    private final double width;
    private final Svg body = new Svg();
    private final List<Entry> legend = new ArrayList<>();

    Sheet(String title, String note, double width) {
        this.title = title;
        this.note = note;
        this.width = width;
    }

    Svg body() {
        return body;
    }

    void legend(String label, Symbol symbol) {
        legend.add(new Entry(label, Optional.of(symbol)));
    }

    /** Says what the entries after it stand for. */
    void legendTitle(String label) {
        legend.add(new Entry(label, Optional.empty()));
    }

    /** A legend's coloured square. */
    static Symbol square(String fill) {
        return (svg, x, y) -> svg.empty("rect", "x", x + 4, "y", y - 7, "width", 14, "height", 14, "rx", 2, "fill",
                fill);
    }

    /** Draws title, note and legend; the rest goes below the y that is returned. */
    double head() {
        double y = 8;
        for (String line : Words.wrap(title, width - 2 * MARGIN, TITLE)) {
            y += 22;
            body.text(MARGIN, y - 4, "start", "title", line);
        }
        for (String line : Words.wrap(note, width - 2 * MARGIN, TEXT)) {
            y += LINE;
            body.text(MARGIN, y - 3, "start", "note", line);
        }
        y += 6;
        double x = MARGIN;
        for (Entry entry : legend) {
            double indent = entry.symbol().isEmpty() ? 0 : SYMBOL;
            String label = Words.fitting(entry.label(), width - 2 * MARGIN - indent, TEXT);
            double taken = indent + Words.width(label, TEXT) + 16;
            if (x > MARGIN && x + taken > width - MARGIN + 16) {
                x = MARGIN;
                y += LINE + 2;
            }
            if (entry.symbol().isPresent()) {
                entry.symbol().get().draw(body, x, y + 9);
            }
            body.text(x + indent, y + 13.5, "start", "entry", label);
            x += taken;
        }
        return legend.isEmpty() ? y : y + LINE + 2;
    }

    /** The finished picture. */
    String finish(double height, String description) {
        Svg svg = new Svg();
        svg.open("svg", "xmlns", "http://www.w3.org/2000/svg", "class", "chart", "role", "img", "aria-label", title,
                "viewBox", "0 0 %s %s".formatted(Svg.number(width), Svg.number(height)), "width", width, "height",
                height, "style", width == NARROW ? NARROW_STYLE : "");
        svg.leaf("title", title);
        svg.leaf("desc", note.isEmpty() ? description : note + " " + description);
        svg.open("style");
        return svg + STYLE + "</style>\n" + body + "</svg>\n";
    }
}
