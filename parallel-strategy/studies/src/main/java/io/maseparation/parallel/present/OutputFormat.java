package io.maseparation.parallel.present;

import io.maseparation.files.Identified;

/** Formats of results. */
public enum OutputFormat implements Identified {
    /** Aligned columns, for people. */
    TABLE,
    /** One JSON document. */
    JSON,
    /** Comma-separated values with a heading (RFC 4180). */
    CSV,
    /** A Markdown table. */
    MD;
}
