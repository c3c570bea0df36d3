package io.maseparation.parallel.cublas;

import io.maseparation.kernels.operations.DeviceLibrary;
import io.maseparation.moe.segments.ColumnMajorProduct;
import io.maseparation.moe.segments.MultiplicationProbe;

/** The function of a {@link MultiplicationProbe} on a library's side: makes addresses of arrays and places in them. */
final class CublasTasks implements DeviceLibrary {
    /** Name of the function. */
    static final String MULTIPLY = "multiply";

    /** What cuBLAS wants a workspace to begin at a multiple of. */
    private static final long ALIGNMENT = 256;

    private final Multiplier multiplier;

    CublasTasks(Multiplier multiplier) {
        this.multiplier = multiplier;
    }

    @Override
    public void enqueue(String function, Call call) {
        if (!function.equals(MULTIPLY)) {
            throw new IllegalArgumentException("no function " + function);
        }
        long[] arrays = call.addresses();
        long workspace = Math.ceilDiv(arrays[3], ALIGNMENT) * ALIGNMENT;
        // To a library whose matrices are column-major the weights are the first factor.
        multiplier.multiply(
                ColumnMajorProduct.of(call, 7),
                new Multiplier.Operands(
                        arrays[0] + (long) Short.BYTES * call.number(4),
                        arrays[1] + (long) Short.BYTES * call.number(5),
                        arrays[2] + (long) Float.BYTES * call.number(6),
                        workspace,
                        arrays[3] + MultiplicationProbe.WORKSPACE_BYTES - workspace),
                call.stream());
    }
}
