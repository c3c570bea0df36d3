package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of {@code QkvProjection}: one warp per weight row. */
public final class QkvGpu {
    private QkvGpu() {}

    /** F32 weights. */
    public static void qkvF32(
            KernelContext context,
            IntArray step,
            FloatArray x,
            FloatArray q,
            FloatArray k,
            FloatArray v,
            FloatArray bias,
            FloatArray qkv,
            int cols,
            int qOffset,
            int qStride,
            int qRows,
            int kOffset,
            int kStride,
            int kRows,
            int vOffset,
            int vStride,
            int vRows,
            float clip,
            int biased) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        int first = step.get(0);
        int end = first + step.get(1);
        int total = qRows + kRows + vRows;
        // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
        if (r < qRows) {
            int w = qOffset + r * qStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(q, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows && r < qRows + kRows) {
            int w = kOffset + (r - qRows) * kStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(k, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows + kRows && r < total) {
            int w = vOffset + (r - qRows - kRows) * vStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(v, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
    }

    /** F16 weights. */
    public static void qkvF16(
            KernelContext context,
            IntArray step,
            FloatArray x,
            HalfFloatArray q,
            HalfFloatArray k,
            HalfFloatArray v,
            FloatArray bias,
            FloatArray qkv,
            int cols,
            int qOffset,
            int qStride,
            int qRows,
            int kOffset,
            int kStride,
            int kRows,
            int vOffset,
            int vStride,
            int vRows,
            float clip,
            int biased) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        int first = step.get(0);
        int end = first + step.get(1);
        int total = qRows + kRows + vRows;
        // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
        if (r < qRows) {
            int w = qOffset + r * qStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(q, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows && r < qRows + kRows) {
            int w = kOffset + (r - qRows) * kStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(k, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows + kRows && r < total) {
            int w = vOffset + (r - qRows - kRows) * vStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(v, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
    }

    /** BF16 weights. */
    public static void qkvBf16(
            KernelContext context,
            IntArray step,
            FloatArray x,
            BFloat16Array q,
            BFloat16Array k,
            BFloat16Array v,
            FloatArray bias,
            FloatArray qkv,
            int cols,
            int qOffset,
            int qStride,
            int qRows,
            int kOffset,
            int kStride,
            int kRows,
            int vOffset,
            int vStride,
            int vRows,
            float clip,
            int biased) {
        int lane = context.globalIdx % 32;
        int r = context.globalIdx / 32;
        int first = step.get(0);
        int end = first + step.get(1);
        int total = qRows + kRows + vRows;
        // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
        if (r < qRows) {
            int w = qOffset + r * qStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(q, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows && r < qRows + kRows) {
            int w = kOffset + (r - qRows) * kStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(k, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
        if (r >= qRows + kRows && r < total) {
            int w = vOffset + (r - qRows - kRows) * vStride;
            for (int row = first; row < end; row++) {
                float sum = context.simdSum(DeviceDots.lane(v, w, x, row * cols, lane, cols));
                if (lane == 0) {
                    DeviceDots.store(sum, bias, r, biased, clip, qkv, row * total + r);
                }
            }
        }
    }
}
