package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;

/** Implementations of collectives that a cluster may have measured times of. */
public enum Collectives implements Identified {
    /** Kernels that are part of a captured graph. */
    CUSTOM,
    /** NCCL, launched by the host. */
    NCCL;

    /** The kind that usually goes with a way to start operations. */
    public static Collectives usualWith(Launch launch) {
        return launch == Launch.GRAPH ? CUSTOM : NCCL;
    }
}
