package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.RopePortable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of {@code RopeAppend}: one thread per pair of elements. */
public final class RopeGpu {
    private RopeGpu() {}

    /** Cache of fp32. */
    public static void f32(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            FloatArray kCache,
            FloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int p = context.globalIdx;
        if (p < step.get(1) * (ownHeads * (heads / kvHeads) + 2 * ownHeads) * (headDim / 2)) {
            RopePortable.pairF32(
                    p, step.get(0), qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim,
                    pairs);
        }
    }

    /** Cache of fp16. */
    public static void f16(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int p = context.globalIdx;
        if (p < step.get(1) * (ownHeads * (heads / kvHeads) + 2 * ownHeads) * (headDim / 2)) {
            RopePortable.pairF16(
                    p, step.get(0), qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim,
                    pairs);
        }
    }
}
