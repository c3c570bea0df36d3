package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code Projection}: one warp per weight row, which stays in the first-level cache for further rows
 * of x.
 */
public final class ProjectionGpu {
    /** Threads of a work-group: eight warps. */
    public static final int GROUP = 256;

    private ProjectionGpu() {}

    /** F32 weights. */
    public static void projectF32(
            KernelContext context,
            IntArray step,
            FloatArray x,
            FloatArray w,
            FloatArray bias,
            FloatArray out,
            int offset,
            int stride,
            int rows,
            int cols,
            float scale,
            int flags) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        if (r < rows) {
            int first = step.get(0);
            int count = step.get(1);
            for (int row = first; row < first + count; row++) {
                float v = context.simdSum(DeviceDots.lane(w, offset + r * stride, x, row * cols, lane, cols));
                if (lane == 0) {
                    if ((flags & 1) != 0) {
                        v += bias.get(r);
                    }
                    v = v * scale;
                    if ((flags & 2) != 0) {
                        v += out.get(row * rows + r);
                    }
                    out.set(row * rows + r, v);
                }
            }
        }
    }

    /** F16 weights. */
    public static void projectF16(
            KernelContext context,
            IntArray step,
            FloatArray x,
            HalfFloatArray w,
            FloatArray bias,
            FloatArray out,
            int offset,
            int stride,
            int rows,
            int cols,
            float scale,
            int flags) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        if (r < rows) {
            int first = step.get(0);
            int count = step.get(1);
            for (int row = first; row < first + count; row++) {
                float v = context.simdSum(DeviceDots.lane(w, offset + r * stride, x, row * cols, lane, cols));
                if (lane == 0) {
                    if ((flags & 1) != 0) {
                        v += bias.get(r);
                    }
                    v = v * scale;
                    if ((flags & 2) != 0) {
                        v += out.get(row * rows + r);
                    }
                    out.set(row * rows + r, v);
                }
            }
        }
    }

    /** BF16 weights. */
    public static void projectBf16(
            KernelContext context,
            IntArray step,
            FloatArray x,
            BFloat16Array w,
            FloatArray bias,
            FloatArray out,
            int offset,
            int stride,
            int rows,
            int cols,
            float scale,
            int flags) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        if (r < rows) {
            int first = step.get(0);
            int count = step.get(1);
            for (int row = first; row < first + count; row++) {
                float v = context.simdSum(DeviceDots.lane(w, offset + r * stride, x, row * cols, lane, cols));
                if (lane == 0) {
                    if ((flags & 1) != 0) {
                        v += bias.get(r);
                    }
                    v = v * scale;
                    if ((flags & 2) != 0) {
                        v += out.get(row * rows + r);
                    }
                    out.set(row * rows + r, v);
                }
            }
        }
    }
}
