package io.maseparation.parallel.cluster;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Operation;
import io.maseparation.kernels.operations.Projection;

/**
 * How long matrix products take where part of their rows comes from a cache: of what is measured again and again, or
 * was written by the kernel before, a cache of 50 MB still holds much, so that products of many rows and few outputs
 * imply more than the bandwidth of the memory once their fixed part is taken off. The matrix itself is read from
 * memory.
 *
 * @param fit how kernels follow the roofline
 * @param rowsShare share of the bytes of rows, taken in and written, that memory moves; above 0 and at most 1
 * @param weight weight of this law beside measured shapes, as {@link KernelTable} has it
 */
record ProductLaw(KernelFit fit, double rowsShare, double weight) {

    /** Seconds of a product of 16-bit numbers at the peaks of {@code base}. */
    double seconds(Roofline base, int rows, int outputs, int inputs) {
        OpCost cost = Projection.cost(rows, outputs, inputs, DataType.BF16);
        double matrix = 2.0 * outputs * inputs;
        double bytes = matrix + rowsShare * (cost.bytes(2) - matrix);
        return fit.fixedSeconds()
                + fit.workSeconds(bytes / base.bytesPerSecond(), cost.flops() / base.flopsPerSecond());
    }

    /** {@return the same ÷ what the roofline of products says} */
    double factor(Roofline base, int rows, int outputs, int inputs) {
        OpCost cost = Projection.cost(rows, outputs, inputs, DataType.BF16);
        return seconds(base, rows, outputs, inputs) / (base.fixedSeconds(Operation.PROJECTION)
                + base.workSeconds(Operation.PROJECTION, (double) cost.bytes(2), (double) cost.flops()));
    }

    /** {@return a bound that no shape's factor is below} */
    double least(Roofline base) {
        KernelFit of = base.fit(Operation.PROJECTION);
        return fit.leastRatio(of, rowsShare);
    }
}
