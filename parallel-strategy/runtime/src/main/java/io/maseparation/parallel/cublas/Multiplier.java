package io.maseparation.parallel.cublas;

import io.maseparation.moe.segments.ColumnMajorProduct;

/** Multiplies column-major matrices in a device's memory: fp16 by fp16, sums and result in fp32. */
interface Multiplier extends AutoCloseable {
    /**
     * Where the operands are.
     *
     * @param a address of the first factor
     * @param b address of the second factor
     * @param c address of the result
     * @param workspace address of what may be written in between
     * @param workspaceBytes bytes of it
     */
    record Operands(long a, long b, long c, long workspace, long workspaceBytes) {}

    /**
     * Has a product computed in the order of a stream.
     *
     * @param product shape and layout
     * @param operands where they are
     * @param stream CUDA's stream
     */
    void multiply(ColumnMajorProduct product, Operands operands, long stream);

    @Override
    void close();
}
