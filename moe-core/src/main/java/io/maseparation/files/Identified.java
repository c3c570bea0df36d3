package io.maseparation.files;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** Enums whose constants have names in files, in results and on the command line: their own, in lower case. */
public interface Identified {
    /** Name of the constant in the source. */
    String name();

    /** Name in files, in results and on the command line. */
    default String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * {@return the one that has a name}
     *
     * @param <C> the enum
     * @param constants those that may be meant
     * @param id a name, which may be none of theirs
     */
    static <C extends Identified> Optional<C> of(C[] constants, String id) {
        return Arrays.stream(constants).filter(c -> c.id().equals(id)).findFirst();
    }
}
