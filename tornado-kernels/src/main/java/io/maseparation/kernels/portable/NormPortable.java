package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of the norms: one thread per row or group, or per element where nothing is summed. */
public final class NormPortable {
    private NormPortable() {}

    /**
     * Sum of n squares from {@code base}, in blocks of 64 so that rounding grows with the square root of the blocks.
     */
    private static float sumSquares(FloatArray a, int base, int n) {
        float sum = 0f;
        for (int block = 0; block < n; block += 64) {
            int end = TornadoMath.min(n, block + 64);
            float part = 0f;
            for (int i = block; i < end; i++) {
                float x = a.get(base + i);
                part += x * x;
            }
            sum += part;
        }
        return sum;
    }

    /** See {@code RmsNorm}. */
    public static void rmsNorm(IntArray step, FloatArray in, FloatArray weight, FloatArray out, int n, float eps) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int r = 0; r < count; r++) {
            int base = (first + r) * n;
            float factor = 1f / TornadoMath.sqrt(sumSquares(in, base, n) / n + eps);
            for (int i = 0; i < n; i++) {
                out.set(base + i, in.get(base + i) * factor * weight.get(i));
            }
        }
    }

    /** See {@code HeadRmsNorm}. */
    public static void headRmsNorm(
            IntArray step, FloatArray buf, FloatArray weight, int rowStride, int offset, int groups, int n, float eps) {
        int first = step.get(0);
        int units = step.get(1) * groups;
        for (@Parallel int u = 0; u < units; u++) {
            int base = (first + u / groups) * rowStride + offset + u % groups * n;
            float factor = 1f / TornadoMath.sqrt(sumSquares(buf, base, n) / n + eps);
            for (int i = 0; i < n; i++) {
                buf.set(base + i, buf.get(base + i) * factor * weight.get(i));
            }
        }
    }

    /** See {@code SumOfSquares}. */
    public static void sumOfSquares(
            IntArray step,
            FloatArray buf,
            int rowStride,
            int offset,
            int n,
            FloatArray sums,
            int sumsStride,
            int sumsIndex) {
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int r = 0; r < count; r++) {
            int row = first + r;
            sums.set(row * sumsStride + sumsIndex, sumSquares(buf, row * rowStride + offset, n));
        }
    }

    /** See {@code ScaleByRms}. */
    public static void scaleByRms(
            IntArray step,
            FloatArray buf,
            FloatArray weight,
            int weightOffset,
            int rowStride,
            int offset,
            int n,
            FloatArray sums,
            int sumsStride,
            int sumsIndex,
            int totalN,
            float eps) {
        int first = step.get(0);
        int elements = step.get(1) * n;
        for (@Parallel int u = 0; u < elements; u++) {
            int row = first + u / n;
            int i = u % n;
            float factor = 1f / TornadoMath.sqrt(sums.get(row * sumsStride + sumsIndex) / totalN + eps);
            int at = row * rowStride + offset + i;
            buf.set(at, buf.get(at) * factor * weight.get(weightOffset + i));
        }
    }
}
