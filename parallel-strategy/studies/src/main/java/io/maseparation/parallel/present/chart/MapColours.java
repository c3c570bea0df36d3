package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Colours of a map's cells. */
final class MapColours {
    private static final int STEPS = 48;
    private static final double BAR = 18;

    private static final String NO_VALUE = "#9AA0A6";

    private final List<String> categories;
    private final boolean ordered;
    private final Scale scale;
    private final boolean twoSided;
    private final boolean amounts;
    private final double low;
    private final double high;

    /**
     * @param order order of the categories; empty to give each a colour of its own
     * @param middle amount that means "the same"; NaN if there is none
     * @param scale spreads the colours of amounts
     */
    MapColours(List<MapChart.Cell> cells, List<String> order, double middle, Scale scale) {
        this.scale = scale;
        Set<String> met = new LinkedHashSet<>();
        cells.stream().map(MapChart.Cell::category).flatMap(Optional::stream).forEach(met::add);
        categories = new ArrayList<>(order.stream().filter(met::contains).toList());
        ordered = !order.isEmpty() || met.size() > Palette.categories();
        met.stream().filter(c -> !order.contains(c)).forEach(categories::add);
        double[] values =
                cells.stream().mapToDouble(MapChart.Cell::value).filter(Double::isFinite).toArray();
        amounts = values.length > 0;
        twoSided = Double.isFinite(middle);
        double least = Arrays.stream(values).min().orElse(Double.POSITIVE_INFINITY);
        double most = Arrays.stream(values).max().orElse(Double.NEGATIVE_INFINITY);
        double reach = Math.max(Math.max(most - middle, middle - least), Double.MIN_NORMAL);
        low = twoSided && amounts ? middle - reach : least;
        high = twoSided && amounts ? middle + reach : most;
    }

    /** The categories that occur, in order. */
    List<String> categories() {
        return categories;
    }

    /** Whether any cell has an amount. */
    boolean amounts() {
        return amounts;
    }

    String of(String category) {
        int index = categories.indexOf(category);
        return ordered ? Palette.amount(index / Math.max(1.0, categories.size() - 1)) : Palette.category(index);
    }

    String of(MapChart.Cell cell) {
        return cell.category().map(this::of)
                .orElseGet(() -> Double.isFinite(cell.value()) ? of(cell.value()) : NO_VALUE);
    }

    private String of(double value) {
        double share = share(value);
        return twoSided ? Palette.twoSided(share) : Palette.amount(share);
    }

    private double share(double value) {
        double from = scale.forward(low);
        double span = scale.forward(high) - from;
        return span > 0 ? (scale.forward(value) - from) / span : 0.5;
    }

    /** Draws the scale of amounts. */
    void scale(Svg svg, Axis axis, double x, double top, double bottom) {
        double step = (bottom - top) / STEPS;
        for (int i = 0; i < STEPS; i++) {
            double share = high > low ? 1 - (i + 0.5) / STEPS : 0.5;
            String fill = twoSided ? Palette.twoSided(share) : Palette.amount(share);
            svg.empty("rect", "x", x, "y", top + i * step, "width", BAR, "height", step + 0.5, "fill", fill);
        }
        if (high > low) {
            for (double tick : Ticks.of(scale, low, high, 7)) {
                double y = bottom - share(tick) * (bottom - top);
                svg.text(x + BAR + 5, y + 4.5, "start", "small", Ticks.label(tick));
            }
        } else {
            svg.text(x + BAR + 5, (top + bottom) / 2 + 4.5, "start", "small", Ticks.label(low));
        }
        svg.upwards(Sheet.WIDTH - 6, (top + bottom) / 2, axis.label());
    }
}
