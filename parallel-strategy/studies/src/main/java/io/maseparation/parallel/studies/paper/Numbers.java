package io.maseparation.parallel.studies.paper;

import java.util.Locale;

/** Numbers in sentences. */
final class Numbers {
    private Numbers() {}

    /** A change with its sign: "−34.2 %". */
    static String change(double share) {
        return String.format(Locale.ROOT, "%+.1f %%", 100 * share).replace('-', '−');
    }

    /** The change of TPS that goes with a change of TPOT at the same batch. */
    static double tpsChange(double tpotChange) {
        return 1 / (1 + tpotChange) - 1;
    }

    /** A share: "89.7 %". */
    static String share(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    /** Milliseconds with two decimals. */
    static String ms(double ms) {
        return String.format(Locale.ROOT, "%.2f ms", ms);
    }

    /** Tokens per second. */
    static String rate(double tps) {
        return String.format(Locale.ROOT, "%,.0f tokens/s", tps);
    }

    /** A number with the given number of decimals. */
    static String decimals(double value, int decimals) {
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
