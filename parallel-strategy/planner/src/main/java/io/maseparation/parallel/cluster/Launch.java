package io.maseparation.parallel.cluster;

/** How operations are started. */
public enum Launch {
    /** One by one from the host. */
    EAGER,
    /** As a captured graph a segment. */
    GRAPH
}
