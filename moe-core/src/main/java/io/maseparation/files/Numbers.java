package io.maseparation.files;

import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * Numbers as people write them: decimal, in the digits 0 to 9. Java would also take 1f, 1d, 0x1p3, NaN, blanks around a
 * number and the digits of other scripts.
 */
public final class Numbers {
    private static final Pattern WHOLE = Pattern.compile("[-+]?[0-9]+");
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?");

    private Numbers() {}

    /**
     * {@return the whole number that a text is; empty if it is anything else or has more than 64 bits}
     *
     * @param text what somebody wrote
     */
    public static OptionalLong whole(String text) {
        try {
            return WHOLE.matcher(text).matches() ? OptionalLong.of(Long.parseLong(text)) : OptionalLong.empty();
        } catch (NumberFormatException _) {
            return OptionalLong.empty();
        }
    }

    /**
     * {@return the finite number that a text is; empty if it is anything else}
     *
     * @param text what somebody wrote
     */
    public static OptionalDouble finite(String text) {
        double number = NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
        return Double.isFinite(number) ? OptionalDouble.of(number) : OptionalDouble.empty();
    }
}
