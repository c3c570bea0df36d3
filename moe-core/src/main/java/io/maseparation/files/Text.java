package io.maseparation.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;

/** Wording of messages about untrusted input: always one printable line of bounded length. */
public final class Text {
    private static final int LONGEST = 160;

    private Text() {}

    /** {@code text} with control characters replaced and cut to a bounded length. */
    public static String printable(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints()
                .limit(LONGEST)
                .forEach(c -> line.appendCodePoint(Character.isISOControl(c) || c == 0x2028 || c == 0x2029 ? '?' : c));
        return text.codePointCount(0, text.length()) > LONGEST ? line + "…" : line.toString();
    }

    /** Why a file could not be read, without the path that the message names already. */
    public static String reason(IOException e) {
        if (e instanceof JsonProcessingException json) {
            long at = json.getLocation() == null ? -1 : json.getLocation().getByteOffset();
            String where = at < 0 ? "" : " at byte " + at;
            return printable(json.getOriginalMessage()) + where;
        }
        String kind = e.getClass().getSimpleName();
        return e.getMessage() == null ? kind : printable(kind + " " + e.getMessage());
    }

    /** Bytes in the unit that suits a person: {@code 17.0 GiB}. */
    public static String bytes(long bytes) {
        if (bytes >= 1L << 30) {
            return String.format(java.util.Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
        }
        if (bytes >= 1L << 20) {
            return String.format(java.util.Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20));
        }
        return bytes + " bytes";
    }
}
