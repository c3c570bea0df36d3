package io.maseparation.parallel.present;

import io.maseparation.files.Text;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How a number is written for people. Machines get it as it is. */
public enum Unit {
    /** A word, as it is. */
    PLAIN,
    /** A word, as it is, in a column of numbers. */
    TEXT_RIGHT,
    /** A whole number, as it is. */
    COUNT,
    /** A large whole number, in millions or billions. */
    AMOUNT,
    /** Bytes, in powers of 1024. */
    BYTES,
    /** Milliseconds. */
    MILLISECONDS,
    /** A share of 1, in percent. */
    PERCENT,
    /** A number without unit. */
    NUMBER;

    /** The value in this unit; "-" for what has no value. */
    public String text(@Nullable Object value) {
        if (value == null || (value instanceof Double d && !Double.isFinite(d))) {
            return "-";
        }
        return switch (this) {
            case PLAIN, TEXT_RIGHT, COUNT -> String.valueOf(value);
            case AMOUNT -> amount(((Number) value).doubleValue());
            case BYTES -> Text.bytes(((Number) value).doubleValue());
            case MILLISECONDS -> significant(((Number) value).doubleValue()) + " ms";
            case PERCENT -> percent(((Number) value).doubleValue());
            case NUMBER -> significant(((Number) value).doubleValue());
        };
    }

    /** Three significant digits, and all digits before the point. */
    public static String significant(double value) {
        double size = Math.abs(value);
        if (size >= 100) {
            return String.format(Locale.ROOT, "%.0f", value);
        }
        if (size >= 10) {
            return String.format(Locale.ROOT, "%.1f", value);
        }
        if (size >= 1 || size == 0) {
            return String.format(Locale.ROOT, "%.2f", value);
        }
        return new BigDecimal(value).round(new MathContext(3)).toPlainString();
    }

    private static String amount(double value) {
        if (value >= 1e9) {
            return String.format(Locale.ROOT, "%.2f B", value / 1e9);
        }
        return value >= 1e6
                ? String.format(Locale.ROOT, "%.2f M", value / 1e6)
                : String.format(Locale.ROOT, "%.0f", value);
    }

    private static String percent(double share) {
        double value = 100 * share;
        return String.format(Locale.ROOT, Math.abs(value) >= 10 || value == 0 ? "%.0f %%" : "%.1f %%", value);
    }
}
