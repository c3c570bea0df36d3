package io.maseparation.files;

import java.util.Locale;

/** Enums whose constants have names in files, in results and on the command line: their own, in lower case. */
public interface Identified {
    /** Name of the constant in the source. */
    String name();

    /** Name in files, in results and on the command line. */
    default String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
