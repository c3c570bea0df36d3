package io.maseparation.parallel.cluster;

import java.util.Locale;

/** Implementations of collectives that a cluster may have measured times of. */
public enum Collectives {
    /** Kernels that are part of a captured graph. */
    CUSTOM,
    /** NCCL, launched by the host. */
    NCCL;

    /** Name in cluster files, in results and on the command line. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The kind that usually goes with a way to start operations. */
    public static Collectives usualWith(Launch launch) {
        return launch == Launch.GRAPH ? CUSTOM : NCCL;
    }
}
