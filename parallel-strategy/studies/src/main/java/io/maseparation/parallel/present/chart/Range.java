package io.maseparation.parallel.present.chart;

import java.util.List;

/**
 * The part of an axis that is drawn, and where its values lie on the sheet.
 *
 * @param scale how values lie along the axis
 * @param low least value
 * @param high greatest value
 * @param from place of the low end on the sheet
 * @param to place of the high end
 */
record Range(Scale scale, double low, double high, double from, double to) {
    private static final double LOG_MARGIN = 0.03;
    private static final double LEAST_SPAN = 1e-6;

    /**
     * A range that shows all values with a little room, from round numbers on a linear axis; from zero where that
     * leaves enough room for the values.
     *
     * @param values finite values; positive for a logarithmic scale
     * @param wanted about how many ticks
     * @param from place of the low end on the sheet
     * @param to place of the high end
     */
    static Range around(Scale scale, List<Double> values, int wanted, double from, double to) {
        double low = values.stream().mapToDouble(v -> v).min().orElse(1);
        double high = values.stream().mapToDouble(v -> v).max().orElse(scale.logarithmic() ? 10 : 2);
        if (scale.logarithmic()) {
            double margin = high <= low * (1 + LEAST_SPAN) ? Math.log(2) : LOG_MARGIN * Math.log(high / low);
            return new Range(scale, low * Math.exp(-margin), high * Math.exp(margin), from, to);
        }
        if (low > 0 && low < 0.7 * high) {
            low = 0;
        }
        // Numbers that differ by less than labels can show count as one.
        double size = Math.max(Math.abs(low), Math.abs(high));
        if (high - low <= size * LEAST_SPAN || high - low < Double.MIN_NORMAL / LEAST_SPAN) {
            double margin = size < Double.MIN_NORMAL / LEAST_SPAN ? 1 : size / 2;
            low -= margin;
            high += margin;
        }
        double step = Ticks.step(high - low, wanted);
        return new Range(scale, Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step, from, to);
    }

    /** Where a value lies; what is outside (or has no logarithm) lies at the nearer end. */
    double at(double value) {
        double inside = Math.clamp(value, low, high);
        double share = (scale.forward(inside) - scale.forward(low)) / (scale.forward(high) - scale.forward(low));
        return from + share * (to - from);
    }

    List<Double> ticks(int wanted) {
        return Ticks.of(scale, low, high, wanted);
    }
}
