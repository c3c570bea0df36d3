package io.maseparation.parallel.present.chart;

import java.util.Objects;

/**
 * An axis.
 *
 * @param title what it shows
 * @param unit unit of its values; empty for none
 * @param scale how values lie along it
 */
public record Axis(String title, String unit, Scale scale) {
    /** Larger values are refused: computing with them could overflow. */
    private static final double LARGEST = 1e100;

    public Axis {
        Objects.requireNonNull(title);
        Objects.requireNonNull(unit);
        Objects.requireNonNull(scale);
    }

    /** Title with the unit. */
    public String label() {
        return unit.isEmpty() ? title : title + " (" + unit + ")";
    }

    /** A value with the unit. */
    String text(double value) {
        String number = Ticks.label(value);
        return unit.isEmpty() ? number : number + " " + unit;
    }

    /**
     * Refuses a value that the axis has no place for. NaN and infinity pass: they are left out of charts.
     *
     * @param value value
     * @param what what the value belongs to, for the message
     * @throws IllegalArgumentException if the axis is logarithmic and the value not positive, or if it is beyond 1e100
     */
    void check(double value, String what) {
        if (Double.isFinite(value) && Math.abs(value) > LARGEST) {
            throw new IllegalArgumentException("%s: %s is too large for the axis '%s'".formatted(what, value, label()));
        }
        if (scale.logarithmic() && Double.isFinite(value) && value <= 0) {
            throw new IllegalArgumentException("%s: %s has no place on the logarithmic axis '%s'; use a linear one"
                    .formatted(what, value, label()));
        }
    }
}
