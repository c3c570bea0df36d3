package io.maseparation.parallel.present.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Groups of horizontal bars, such as claimed, simulated and bound of several quantities. A value that is not finite has
 * no bar and is shown as "–". The sheet is narrow, so that no screen cuts a bar before its value.
 *
 * <pre>{@code
 * String svg = new BarChart("TPOT", new Axis("TPOT", "ms", Scale.LINEAR), List.of("claimed", "simulated", "bound"))
 *         .group("MA 12:4", 1.82, 2.31, 1.96)
 *         .svg();
 * }</pre>
 */
public final class BarChart extends TitledChart<BarChart> {
    private static final double BAR = 16;
    private static final double GAP = 14;
    private static final double RIGHT = 76;
    private static final double MOST_LEFT = 150;
    private static final int TICKS = 5;

    private record Group(String label, double[] values) {}

    private record Reference(double value, String label) {}

    private final Axis axis;
    private final List<String> names;
    private final List<Group> groups = new ArrayList<>();
    private final List<Reference> references = new ArrayList<>();

    /**
     * @param title title
     * @param axis axis of the values
     * @param names name of each bar of a group
     */
    public BarChart(String title, Axis axis, List<String> names) {
        super(title);
        this.axis = axis;
        this.names = List.copyOf(names);
    }

    /**
     * A group of bars.
     *
     * @param label what they are of
     * @param values a value for each name
     * @throws IllegalArgumentException if there are more or fewer values, or one has no place on a logarithmic axis
     */
    public BarChart group(String label, double... values) {
        if (values.length != names.size()) {
            throw new IllegalArgumentException(
                    "group '%s' has %d values for %d names".formatted(label, values.length, names.size()));
        }
        for (double value : values) {
            axis.check(value, "group '" + label + "'");
        }
        groups.add(new Group(label, values.clone()));
        return this;
    }

    /**
     * A line through all groups, such as a limit. A value that is not finite draws nothing.
     *
     * @throws IllegalArgumentException if the value has no place on a logarithmic axis
     */
    public BarChart reference(double value, String label) {
        axis.check(value, "reference line '" + label + "'");
        if (Double.isFinite(value)) {
            references.add(new Reference(value, label));
        }
        return this;
    }

    @Override
    public String svg() {
        Sheet sheet = sheet(Sheet.NARROW);
        for (int i = 0; i < names.size(); i++) {
            sheet.legend(names.get(i), Sheet.square(Palette.category(i)));
        }
        double top = sheet.head() + 6 + (references.isEmpty() ? 0 : 20);
        double left = Math.min(MOST_LEFT, 24 + Words.widest(groups.stream().map(Group::label), Sheet.TEXT));
        double each = names.size() * BAR + GAP;
        double bottom = top + Math.max(each, groups.size() * each) + 4;
        Range range = Range.around(axis.scale(), values(), TICKS, left, Sheet.NARROW - RIGHT);
        Svg svg = sheet.body();
        Plot.columns(svg, range.ticks(TICKS), range::at, top, bottom);
        Plot.titles(svg, axis.label(), "", left, Sheet.NARROW - RIGHT, top, bottom);
        double zero = range.at(axis.scale().logarithmic() ? range.low() : 0);
        for (int g = 0; g < groups.size(); g++) {
            bars(svg, groups.get(g), range, zero, top + g * each + GAP / 2);
        }
        svg.line(zero, top, zero, bottom, "axis");
        for (Reference r : references) {
            svg.line(range.at(r.value()), top - 2, range.at(r.value()), bottom, "reference");
            svg.text(range.at(r.value()), top - 7, "middle", "small", r.label());
        }
        for (int g = 0; g < groups.size(); g++) {
            labels(svg, groups.get(g), range, zero, left, top + g * each + GAP / 2);
        }
        return sheet.finish(bottom + Plot.BELOW, "%s as bars: %s.".formatted(axis.label(), String.join(", ", names)));
    }

    private List<Double> values() {
        List<Double> values = new ArrayList<>();
        if (!axis.scale().logarithmic()) {
            values.add(0.0);
        }
        groups.forEach(g -> Arrays.stream(g.values()).filter(Double::isFinite).forEach(values::add));
        references.forEach(r -> values.add(r.value()));
        return values;
    }

    private void bars(Svg svg, Group group, Range range, double zero, double top) {
        for (int i = 0; i < names.size(); i++) {
            double value = group.values()[i];
            if (Double.isFinite(value)) {
                double end = range.at(value);
                svg.mark("rect", "%s, %s: %s".formatted(group.label(), names.get(i), axis.text(value)), "x",
                        Math.min(zero, end), "y", top + i * BAR + 1, "width", Math.abs(end - zero), "height", BAR - 2,
                        "fill", Palette.category(i));
            }
        }
    }

    private void labels(Svg svg, Group group, Range range, double zero, double left, double top) {
        svg.lines(left - 10, top + names.size() * BAR / 2, "end", "entry",
                Words.wrap(group.label(), left - 20, Sheet.TEXT));
        for (int i = 0; i < names.size(); i++) {
            double value = group.values()[i];
            double end = Double.isFinite(value) ? Math.max(zero, range.at(value)) : zero;
            svg.text(end + 6, top + i * BAR + 12.5, "start", "small halo",
                    Double.isFinite(value) ? Ticks.label(value) : "–");
        }
    }
}
