package io.maseparation.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Wording of messages about untrusted input: always one printable line of bounded length. */
public final class Text {
    /** Most characters of a message; with what a program puts before it, no line is longer than 500. */
    public static final int LONGEST_MESSAGE = 480;
    /** Most characters of a name, a path or a value within a message. */
    private static final int LONGEST = 200;

    private static final String LEFT_OUT = " … ";
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

    private Text() {}

    /**
     * {@return the text of {@code value} with control characters replaced; of what is long, its beginning and its end}
     *
     * @param value any value
     */
    public static String printable(@Nullable Object value) {
        return line(shortened(String.valueOf(value), LONGEST));
    }

    /**
     * {@return a message of at most {@value #LONGEST_MESSAGE} characters} What a failure is about comes first and what
     * to do about it last, so that a long one loses its middle.
     *
     * @param message any text
     */
    public static String message(@Nullable String message) {
        return shortened(String.valueOf(message), LONGEST_MESSAGE);
    }

    /**
     * {@return {@code text}, or its beginning and its end where it is long}
     *
     * @param text any text
     * @param most most characters of the result
     */
    public static String shortened(String text, int most) {
        if (text.length() <= most) {
            return text;
        }
        int half = most / 2;
        int from = half - (Character.isHighSurrogate(text.charAt(half - 1)) ? 1 : 0);
        int to = text.length() - half + LEFT_OUT.length();
        to += Character.isLowSurrogate(text.charAt(to)) ? 1 : 0;
        return text.substring(0, from) + LEFT_OUT + text.substring(to);
    }

    /**
     * {@return {@code text} with control characters replaced, so that it is one line whatever is in it, and is shown in
     * the order in which it is written}
     *
     * @param text any text
     */
    public static String line(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().forEach(c -> line.appendCodePoint(isControl(c) ? '?' : c));
        return line.toString();
    }

    /**
     * {@return whether a text has no half of a surrogate pair, which is no character and has no bytes in UTF-8}
     *
     * @param text any text
     */
    public static boolean isWhole(String text) {
        return text.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE);
    }

    private static boolean isControl(int c) {
        return Character.isISOControl(c) || c == 0x2028 || c == 0x2029
                || switch (Character.getDirectionality(c)) {
                    case Character.DIRECTIONALITY_LEFT_TO_RIGHT_EMBEDDING,
                            Character.DIRECTIONALITY_LEFT_TO_RIGHT_OVERRIDE,
                            Character.DIRECTIONALITY_LEFT_TO_RIGHT_ISOLATE,
                            Character.DIRECTIONALITY_RIGHT_TO_LEFT_EMBEDDING,
                            Character.DIRECTIONALITY_RIGHT_TO_LEFT_OVERRIDE,
                            Character.DIRECTIONALITY_RIGHT_TO_LEFT_ISOLATE,
                            Character.DIRECTIONALITY_POP_DIRECTIONAL_FORMAT,
                            Character.DIRECTIONALITY_POP_DIRECTIONAL_ISOLATE,
                            Character.DIRECTIONALITY_FIRST_STRONG_ISOLATE -> true;
                    default -> false;
                };
    }

    /**
     * {@return why a file could not be read or written, without the path that the message names already}
     *
     * @param e what was thrown
     */
    public static String reason(IOException e) {
        return switch (e) {
            case JsonProcessingException json -> {
                long at = json.getLocation() == null ? -1 : json.getLocation().getByteOffset();
                // How a program would set its parser is no advice to whoever has the file.
                String message = json.getOriginalMessage()
                        .replaceAll("(: enable|, from| \\(bound as|: not allowed as per) `[^`]*`( to allow|\\))?", "")
                        .replaceAll(" \\(not recognized as one since [^)]*\\)", "");
                // What is in single quotes are parameters, which fields of a file are not.
                yield printable(message.replace('\'', '"')) + (at < 0 ? "" : " at byte " + at);
            }
            case AccessDeniedException denied -> "no permission for " + printable(denied.getFile());
            case Utf8Stream.ZeroException zero -> "it is not text in UTF-8: it has the character 0, as UTF-16 and binary files have";
            case CharacterCodingException text -> "it is not text in UTF-8";
            case NoSuchFileException missing -> "no such file";
            case FileAlreadyExistsException exists -> printable(exists.getFile()) + " is not a folder";
            case FileSystemException other when other.getReason() != null -> printable(other.getReason());
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : printable(e.getMessage());
        };
    }

    /**
     * {@return a number without a fraction that is not there: 3 and not 3.0}
     *
     * @param number the number
     */
    public static String number(double number) {
        return number == Math.rint(number) && Math.abs(number) < 1e7
                ? String.valueOf((long) number)
                : String.valueOf(number);
    }

    /**
     * {@return a number and what it counts: {@code 1 layer}, {@code 2 layers}}
     *
     * @param n number of things
     * @param thing one of them, a noun with a plural in -s
     */
    public static String count(long n, String thing) {
        return n + " " + thing + (n == 1 ? "" : "s");
    }

    /**
     * {@return in one line that memory ended, and what may help}
     *
     * @param error what the JVM says
     * @param otherwise what to do instead of raising the JVM's limit
     */
    public static String outOfMemory(Throwable error, String otherwise) {
        String reason = error.getMessage() == null ? "" : error.getMessage();
        String limit = reason.contains("direct buffer")
                ? "raise the JVM's -XX:MaxDirectMemorySize, "
                : reason.contains("heap") ? "raise the JVM's -Xmx, " : "";
        return "out of memory%s: %s%s".formatted(reason.isEmpty() ? "" : " (" + reason + ")", limit, otherwise);
    }

    /**
     * {@return as {@link #bytes(double)}}
     *
     * @param bytes number of bytes
     */
    public static String bytes(long bytes) {
        return bytes((double) bytes);
    }

    /**
     * {@return bytes in the unit that suits a person, with three digits or so: {@code 17.0 GiB}, {@code 140 MiB},
     * {@code 96 B}}
     *
     * @param bytes number of bytes
     */
    public static String bytes(double bytes) {
        int unit = 0;
        double value = bytes;
        while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 || Math.abs(value) >= 100 ? "%.0f %s" : "%.1f %s", value,
                UNITS[unit]);
    }
}
