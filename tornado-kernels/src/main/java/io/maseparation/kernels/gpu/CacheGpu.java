package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.CachePortable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of {@code RandomCache}: a thread for four elements, which share a random number. */
public final class CacheGpu {
    private CacheGpu() {}

    /** In F32. */
    public static void f32(
            KernelContext context, IntArray stream, IntArray blocks, FloatArray values, FloatArray cache, int fours,
            int heads, int headDim) {
        int i = context.globalIdx;
        if (i < fours) {
            int at = 4 * i;
            if (CachePortable.isRandom(blocks, at, heads, headDim)) {
                long random = CachePortable.random(stream, blocks, at, heads, headDim);
                cache.set(at, values.get((int) random & 0xFFFF));
                cache.set(at + 1, values.get((int) (random >> 16) & 0xFFFF));
                cache.set(at + 2, values.get((int) (random >> 32) & 0xFFFF));
                cache.set(at + 3, values.get((int) (random >> 48) & 0xFFFF));
            } else {
                cache.set(at, 0f);
                cache.set(at + 1, 0f);
                cache.set(at + 2, 0f);
                cache.set(at + 3, 0f);
            }
        }
    }

    /** In F16; the last of the values is zero. */
    public static void f16(
            KernelContext context, IntArray stream, IntArray blocks, HalfFloatArray values, HalfFloatArray cache,
            int fours, int heads, int headDim) {
        int i = context.globalIdx;
        if (i < fours) {
            int at = 4 * i;
            if (CachePortable.isRandom(blocks, at, heads, headDim)) {
                long random = CachePortable.random(stream, blocks, at, heads, headDim);
                cache.set(at, values.get((int) random & 0xFFFF));
                cache.set(at + 1, values.get((int) (random >> 16) & 0xFFFF));
                cache.set(at + 2, values.get((int) (random >> 32) & 0xFFFF));
                cache.set(at + 3, values.get((int) (random >> 48) & 0xFFFF));
            } else {
                cache.set(at, values.get(0x10000));
                cache.set(at + 1, values.get(0x10000));
                cache.set(at + 2, values.get(0x10000));
                cache.set(at + 3, values.get(0x10000));
            }
        }
    }
}
