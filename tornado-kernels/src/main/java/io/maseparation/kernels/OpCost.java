package io.maseparation.kernels;

/**
 * What one execution of an operation must do at least, as a function of its shapes. The cost model,
 * the rooflines and the benchmarks all read it from here.
 *
 * @param flops floating-point operations, a multiply-add counted as two
 * @param storedBytes bytes that must move between device memory and the cores for what is stored in a format of its
 *     own: weights once, keys and values, indices
 * @param activationBytes bytes that must move for activations, in and out, each as fp32
 */
public record OpCost(long flops, long storedBytes, long activationBytes) {
    /** Nothing to do. */
    public static final OpCost ZERO = new OpCost(0, 0, 0);

    /** All bytes, with activations as they are in this library: fp32. */
    public long bytes() {
        return storedBytes + activationBytes;
    }

    /**
     * All bytes, were activations of another size.
     *
     * @param activationSize bytes of one activation
     */
    public long bytes(int activationSize) {
        return storedBytes + activationBytes / 4 * activationSize;
    }

    /**
     * The same work on what is stored in another format.
     *
     * @param stored bytes of that
     */
    public OpCost withStored(long stored) {
        return new OpCost(flops, stored, activationBytes);
    }

    /** Sum of two costs. */
    public OpCost plus(OpCost other) {
        return new OpCost(
                flops + other.flops, storedBytes + other.storedBytes, activationBytes + other.activationBytes);
    }

    /** The cost of {@code n} executions. */
    public OpCost times(long n) {
        return new OpCost(flops * n, storedBytes * n, activationBytes * n);
    }
}
