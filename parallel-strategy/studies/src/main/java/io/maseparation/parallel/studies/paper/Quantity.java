package io.maseparation.parallel.studies.paper;

/**
 * A number as it is written.
 *
 * @param text the number with its unit, or what stands in its place
 * @param value the number; NaN where there is none
 */
record Quantity(String text, double value) {
    /** Where there is no number. */
    static final Quantity NONE = new Quantity("-", Double.NaN);

    /** Milliseconds. */
    static Quantity ms(double ms) {
        return new Quantity(Numbers.ms(ms), ms);
    }

    /** Tokens per second. */
    static Quantity rate(double tps) {
        return new Quantity(Numbers.rate(tps), tps);
    }

    /** A change, with its sign. */
    static Quantity change(double share) {
        return new Quantity(Numbers.change(share), share);
    }

    /** A share of 1. */
    static Quantity share(double share) {
        return new Quantity(Numbers.share(share), share);
    }

    /** The same as a lower bound. */
    Quantity orMore() {
        return new Quantity("≥ " + text, value);
    }

    /** The same as an upper bound. */
    Quantity orLess() {
        return new Quantity("≤ " + text, value);
    }
}
