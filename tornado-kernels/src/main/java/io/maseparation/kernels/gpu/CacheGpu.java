package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.CachePortable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of {@code RandomCache}: a thread for four elements. */
public final class CacheGpu {
    private CacheGpu() {}

    /** In F32. */
    public static void f32(
            KernelContext context, IntArray stream, IntArray blocks, FloatArray values, FloatArray cache, int fours,
            int heads, int headDim) {
        if (context.globalIdx < fours) {
            CachePortable.fourF32(stream, blocks, values, cache, 4 * context.globalIdx, heads, headDim);
        }
    }

    /** In F16; the last of the values is zero. */
    public static void f16(
            KernelContext context, IntArray stream, IntArray blocks, HalfFloatArray values, HalfFloatArray cache,
            int fours, int heads, int headDim) {
        if (context.globalIdx < fours) {
            CachePortable.fourF16(stream, blocks, values, cache, 4 * context.globalIdx, heads, headDim);
        }
    }
}
