package io.maseparation.parallel.cluster;

import io.maseparation.files.Identified;

/** Implementations of collectives that a cluster may have measured times of. */
public enum Collectives implements Identified {
    /** Kernels that are part of a captured graph. */
    CUSTOM,
    /** NCCL, launched by the host. */
    NCCL;

    /**
     * {@return the implementation that usually goes with a way to start operations}
     *
     * @param launch how operations are started
     */
    public static Collectives usualWith(Launch launch) {
        return launch == Launch.GRAPH ? CUSTOM : NCCL;
    }
}
