package io.maseparation.parallel.cluster;

import java.util.Locale;

/** How operations are started. */
public enum Launch {
    /** One by one from the host. */
    EAGER,
    /** As one captured graph per segment. */
    GRAPH;

    /** Name in results and on the command line. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
