package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;

/** How operations are started. */
public enum Launch implements Identified {
    /** One by one from the host. */
    EAGER,
    /** As one captured graph per segment. */
    GRAPH;
}
