package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.CombinePortable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code Combine}: one thread per element. */
public final class CombineGpu {
    private CombineGpu() {}

    /** See {@code Combine}. */
    public static void combine(
            KernelContext context,
            IntArray step,
            FloatArray expertOut,
            FloatArray weights,
            IntArray ids,
            FloatArray out,
            int slots,
            int n,
            float scale,
            int accumulate) {
        int u = context.globalIdx;
        if (u < step.get(1) * n) {
            CombinePortable.element(u, step.get(0), expertOut, weights, ids, out, slots, n, scale, accumulate);
        }
    }
}
