package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code ExpertUp} and {@code ExpertDown}: one warp per weight row, idle where its expert has no rows.
 */
public final class ExpertGpu {
    private ExpertGpu() {}

    /** {@code ExpertUp} with F32 weights. */
    public static void upF32(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            FloatArray gate,
            FloatArray up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / width;
        int r = warp % width;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int gateAt = gateOffset + expert * gateExpert + r * gateStride;
            int upAt = upOffset + expert * upExpert + r * upStride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                int xAt = pairs.get(p) / slots * cols;
                float g = context.simdSum(DeviceDots.lane(gate, gateAt, x, xAt, lane, gateCols));
                float u = context.simdSum(DeviceDots.lane(up, upAt, x, xAt, lane, cols));
                if (lane == 0) {
                    hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
                }
            }
        }
    }

    /** {@code ExpertUp} with F16 weights. */
    public static void upF16(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            HalfFloatArray gate,
            HalfFloatArray up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / width;
        int r = warp % width;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int gateAt = gateOffset + expert * gateExpert + r * gateStride;
            int upAt = upOffset + expert * upExpert + r * upStride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                int xAt = pairs.get(p) / slots * cols;
                float g = context.simdSum(DeviceDots.lane(gate, gateAt, x, xAt, lane, gateCols));
                float u = context.simdSum(DeviceDots.lane(up, upAt, x, xAt, lane, cols));
                if (lane == 0) {
                    hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
                }
            }
        }
    }

    /** {@code ExpertUp} with BF16 weights. */
    public static void upBf16(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            BFloat16Array gate,
            BFloat16Array up,
            FloatArray hidden,
            int firstGroup,
            int experts,
            int width,
            int cols,
            int hiddenStride,
            int slots,
            int mode,
            int gateOffset,
            int gateStride,
            int gateExpert,
            int upOffset,
            int upStride,
            int upExpert) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / width;
        int r = warp % width;
        int code = mode & 7;
        // An expert without a gate gives its gate no columns.
        int gateCols = (mode >> 3) * cols;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int gateAt = gateOffset + expert * gateExpert + r * gateStride;
            int upAt = upOffset + expert * upExpert + r * upStride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                int xAt = pairs.get(p) / slots * cols;
                float g = context.simdSum(DeviceDots.lane(gate, gateAt, x, xAt, lane, gateCols));
                float u = context.simdSum(DeviceDots.lane(up, upAt, x, xAt, lane, cols));
                if (lane == 0) {
                    hidden.set(p * hiddenStride + r, DeviceDots.combine(g, u, code, gateCols));
                }
            }
        }
    }

    /** {@code ExpertDown} with F32 weights. */
    public static void downF32(
            KernelContext context,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            FloatArray down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / rows;
        int r = warp % rows;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int wAt = offset + expert * expertStride + r * stride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                float sum = context.simdSum(DeviceDots.lane(down, wAt, hidden, p * hiddenStride, lane, width));
                if (lane == 0) {
                    out.set(pairs.get(p) * rows + r, sum);
                }
            }
        }
    }

    /** {@code ExpertDown} with F16 weights. */
    public static void downF16(
            KernelContext context,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            HalfFloatArray down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / rows;
        int r = warp % rows;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int wAt = offset + expert * expertStride + r * stride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                float sum = context.simdSum(DeviceDots.lane(down, wAt, hidden, p * hiddenStride, lane, width));
                if (lane == 0) {
                    out.set(pairs.get(p) * rows + r, sum);
                }
            }
        }
    }

    /** {@code ExpertDown} with BF16 weights. */
    public static void downBf16(
            KernelContext context,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            BFloat16Array down,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int width,
            int hiddenStride,
            int offset,
            int stride,
            int expertStride) {
        int lane = context.globalIdx % 32;
        int warp = context.globalIdx / 32;
        int expert = warp / rows;
        int r = warp % rows;
        if (expert < experts) {
            int end = offsets.get(firstGroup + expert + 1);
            int wAt = offset + expert * expertStride + r * stride;
            for (int p = offsets.get(firstGroup + expert); p < end; p++) {
                float sum = context.simdSum(DeviceDots.lane(down, wAt, hidden, p * hiddenStride, lane, width));
                if (lane == 0) {
                    out.set(pairs.get(p) * rows + r, sum);
                }
            }
        }
    }
}
