package io.maseparation.kernels;

/**
 * What one execution of an operation must do at least, as a function of its shapes. The cost model,
 * the rooflines and the benchmarks all read it from here.
 *
 * @param flops floating-point operations, a multiply-add counted as two
 * @param bytes bytes that must move between device memory and the cores: weights once, activations in and out
 */
public record OpCost(long flops, long bytes) {
    /** Nothing to do. */
    public static final OpCost ZERO = new OpCost(0, 0);

    /** Sum of two costs. */
    public OpCost plus(OpCost other) {
        return new OpCost(flops + other.flops, bytes + other.bytes);
    }

    /** The cost of {@code n} executions. */
    public OpCost times(long n) {
        return new OpCost(flops * n, bytes * n);
    }
}
