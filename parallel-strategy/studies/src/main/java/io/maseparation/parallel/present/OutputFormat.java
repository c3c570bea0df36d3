package io.maseparation.parallel.present;

import java.util.Locale;

/** Formats of results. */
public enum OutputFormat {
    /** Aligned columns, for people. */
    TABLE,
    /** One JSON document. */
    JSON,
    /** Comma-separated values with a heading (RFC 4180). */
    CSV,
    /** A Markdown table. */
    MD;

    /** Name on the command line. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
