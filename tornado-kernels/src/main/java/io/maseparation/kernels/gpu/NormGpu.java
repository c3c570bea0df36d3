package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of the norms: one work-group per row, or one warp per group of columns. */
public final class NormGpu {
    /** Threads of a work-group. */
    public static final int GROUP = 256;

    /** Warps of a work-group. */
    public static final int WARPS = GROUP / WorkerGrids.WARP;

    private NormGpu() {}

    /** See {@code RmsNorm}; one work-group per row. */
    public static void rmsNorm(
            KernelContext context,
            IntArray step,
            FloatArray in,
            FloatArray weight,
            FloatArray out,
            int n,
            float eps) {
        int tid = context.localIdx;
        int r = context.groupIdx;
        float[] partial = context.allocateFloatLocalArray(8);
        if (r < step.get(1)) {
            int base = (step.get(0) + r) * n;
            float square = 0f;
            // A number of rounds that compilers know lets them load for all at once.
            int whole = n / 256;
            for (int i = 0; i < whole; i++) {
                float x = in.get(base + tid + i * 256);
                square += x * x;
            }
            for (int i = whole * 256 + tid; i < n; i += 256) {
                float x = in.get(base + i);
                square += x * x;
            }
            square = context.simdSum(square);
            if (tid % 32 == 0) {
                partial[tid / 32] = square;
            }
            context.localBarrier();
            float sum = 0f;
            for (int w = 0; w < 8; w++) {
                sum += partial[w];
            }
            float factor = 1f / TornadoMath.sqrt(sum / n + eps);
            for (int i = 0; i < whole; i++) {
                int c = tid + i * 256;
                out.set(base + c, in.get(base + c) * factor * weight.get(c));
            }
            for (int i = whole * 256 + tid; i < n; i += 256) {
                out.set(base + i, in.get(base + i) * factor * weight.get(i));
            }
        }
    }

    /** See {@code HeadRmsNorm}; one warp per group of columns. */
    public static void headRmsNorm(
            KernelContext context,
            IntArray step,
            FloatArray buf,
            FloatArray weight,
            int rowStride,
            int offset,
            int groups,
            int n,
            float eps) {
        int lane = context.localIdx % 32;
        int unit = context.groupIdx * 8 + context.localIdx / 32;
        if (unit < step.get(1) * groups) {
            int base = (step.get(0) + unit / groups) * rowStride + offset + unit % groups * n;
            float square = 0f;
            for (int i = lane; i < n; i += 32) {
                float x = buf.get(base + i);
                square += x * x;
            }
            square = context.simdSum(square);
            float factor = 1f / TornadoMath.sqrt(square / n + eps);
            for (int i = lane; i < n; i += 32) {
                buf.set(base + i, buf.get(base + i) * factor * weight.get(i));
            }
        }
    }

    /** See {@code SumOfSquares}; one work-group per row. */
    public static void sumOfSquares(
            KernelContext context,
            IntArray step,
            FloatArray buf,
            int rowStride,
            int offset,
            int n,
            FloatArray sums,
            int sumsStride,
            int sumsIndex) {
        int tid = context.localIdx;
        int r = context.groupIdx;
        float[] partial = context.allocateFloatLocalArray(8);
        if (r < step.get(1)) {
            int row = step.get(0) + r;
            int base = row * rowStride + offset;
            float square = 0f;
            for (int i = tid; i < n; i += 256) {
                float x = buf.get(base + i);
                square += x * x;
            }
            square = context.simdSum(square);
            if (tid % 32 == 0) {
                partial[tid / 32] = square;
            }
            context.localBarrier();
            if (tid == 0) {
                float sum = 0f;
                for (int w = 0; w < 8; w++) {
                    sum += partial[w];
                }
                sums.set(row * sumsStride + sumsIndex, sum);
            }
        }
    }
}
