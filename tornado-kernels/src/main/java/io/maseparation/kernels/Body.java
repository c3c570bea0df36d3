package io.maseparation.kernels;

/** The bodies an operation may have. All of them take the same arrays and compute the same thing. */
public enum Body {
    /** {@code @Parallel} loops: runs on every device, one thread per iteration. */
    PORTABLE,
    /** {@code KernelContext}: local memory, barriers and warp sums, for GPUs. */
    GPU,
    /** Vector API over host memory, on all cores: what the embedded device runs. */
    HOST
}
