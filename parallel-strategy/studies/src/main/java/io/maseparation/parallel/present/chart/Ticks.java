package io.maseparation.parallel.present.chart;

import io.maseparation.parallel.present.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Round numbers along an axis. */
final class Ticks {
    private static final double[] STEPS = {1, 2, 2.5, 5, 10};
    private static final double KIBI = 1024;
    private static final int FEWEST = 3;

    private Ticks() {}

    /** Round numbers from {@code low} to {@code high}, about {@code wanted} of them. */
    static List<Double> of(Scale scale, double low, double high, int wanted) {
        return switch (scale) {
            case LINEAR -> linear(low, high, wanted);
            case LOG -> {
                List<Double> ticks = decades(low, high, new double[] {1, 2, 5});
                if (ticks.size() > wanted) {
                    ticks = decades(low, high, new double[] {1});
                }
                // Within less than a decade, evenly spaced ticks say more than 1, 2 and 5.
                yield ticks.size() < FEWEST ? linear(low, high, wanted) : thinned(ticks, wanted);
            }
            case LOG2 -> {
                List<Double> ticks = new ArrayList<>();
                for (double t = Math.pow(2, Math.ceil(Math.log(low) / Math.log(2) - 1e-9)); t <= high * (1 + 1e-9); t *=
                        2) {
                    ticks.add(t);
                }
                yield ticks.size() < 2 ? linear(low, high, wanted) : thinned(ticks, wanted);
            }
        };
    }

    private static List<Double> linear(double low, double high, int wanted) {
        double step = step(high - low, wanted);
        List<Double> ticks = new ArrayList<>();
        for (long i = (long) Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /** A round distance between ticks. */
    static double step(double span, int wanted) {
        double rough = span / Math.max(1, wanted);
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        for (double step : STEPS) {
            if (step * power >= rough * (1 - 1e-9)) {
                return step * power;
            }
        }
        return 10 * power;
    }

    private static List<Double> decades(double low, double high, double[] factors) {
        List<Double> ticks = new ArrayList<>();
        for (int e = (int) Math.floor(Math.log10(low)); e <= (int) Math.ceil(Math.log10(high)); e++) {
            for (double factor : factors) {
                double tick = factor * Math.pow(10, e);
                if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }

    private static List<Double> thinned(List<Double> ticks, int wanted) {
        int every = Math.max(1, Math.ceilDiv(ticks.size(), Math.max(1, wanted)));
        List<Double> kept = new ArrayList<>();
        for (int i = 0; i < ticks.size(); i += every) {
            kept.add(ticks.get(i));
        }
        return kept;
    }

    /** A number, short: whole ones as they are, large powers of two in Ki and Mi, others with three digits. */
    static String label(double value) {
        double size = Math.abs(value);
        if (size >= 1e15 || (size != 0 && size < 1e-6)) {
            return String.format(Locale.ROOT, "%.2g", value);
        }
        if (value >= 16 * KIBI && value < KIBI * KIBI * KIBI && Long.bitCount((long) value) == 1) {
            return value < KIBI * KIBI ? (long) (value / KIBI) + "Ki" : (long) (value / KIBI / KIBI) + "Mi";
        }
        if (size >= 1e6) {
            return trimmed(Unit.significant(value / 1e6)) + " M";
        }
        if (Math.abs(value - Math.rint(value)) < 1e-9 * Math.max(1, size)) {
            return Long.toString(Math.round(value));
        }
        return trimmed(Unit.significant(value));
    }

    private static String trimmed(String number) {
        return number.contains(".") ? number.replaceFirst("\\.?0+$", "") : number;
    }
}
