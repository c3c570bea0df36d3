package io.maseparation.kernels.host;

import static io.maseparation.kernels.host.HostVectors.FLOAT;
import static io.maseparation.kernels.host.HostVectors.LANES;
import static io.maseparation.kernels.host.HostVectors.load;
import static io.maseparation.kernels.host.HostVectors.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host bodies of the norms. */
public final class NormHost {
    /** Elements worth another thread. */
    private static final int GRAIN = 1 << 15;

    private NormHost() {}

    private static int grain(int elementsEach) {
        return Math.max(1, GRAIN / elementsEach);
    }

    private static float factor(float sum, int n, float eps) {
        return (float) (1.0 / Math.sqrt((double) sum / n + eps));
    }

    /** out[i] = in[i] · factor · weight[i]. */
    private static void scale(
            MemorySegment in, long inAt, MemorySegment weight, long weightAt, MemorySegment out, long outAt, int n,
            float f) {
        FloatVector factor = FloatVector.broadcast(HostVectors.F, f);
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector x = load(in, inAt + 4L * i).mul(factor);
            store(x.mul(load(weight, weightAt + 4L * i)), out, outAt + 4L * i);
        }
        for (; i < n; i++) {
            float x = in.get(FLOAT, inAt + 4L * i) * f;
            out.set(FLOAT, outAt + 4L * i, x * weight.get(FLOAT, weightAt + 4L * i));
        }
    }

    /** See {@code RmsNorm}. */
    public static void rmsNorm(IntArray step, FloatArray in, FloatArray weight, FloatArray out, int n, float eps) {
        int first = step.get(0);
        MemorySegment x = in.getSegment();
        MemorySegment w = weight.getSegment();
        MemorySegment y = out.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (from, to) -> {
            for (int r = from; r < to; r++) {
                long at = 4L * (first + r) * n;
                scale(x, at, w, 0, y, at, n, factor(HostVectors.dot(x, at, x, at, n), n, eps));
            }
        });
    }

    /** See {@code HeadRmsNorm}. */
    public static void headRmsNorm(
            IntArray step, FloatArray buf, FloatArray weight, int rowStride, int offset, int groups, int n, float eps) {
        int first = step.get(0);
        MemorySegment x = buf.getSegment();
        MemorySegment w = weight.getSegment();
        HostThreads.forRange(step.get(1) * groups, grain(n), (from, to) -> {
            for (int u = from; u < to; u++) {
                long at = 4L * ((long) (first + u / groups) * rowStride + offset + (long) (u % groups) * n);
                scale(x, at, w, 0, x, at, n, factor(HostVectors.dot(x, at, x, at, n), n, eps));
            }
        });
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
        MemorySegment x = buf.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (from, to) -> {
            for (int r = from; r < to; r++) {
                int row = first + r;
                long at = 4L * ((long) row * rowStride + offset);
                sums.set(row * sumsStride + sumsIndex, HostVectors.dot(x, at, x, at, n));
            }
        });
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
        MemorySegment x = buf.getSegment();
        MemorySegment w = weight.getSegment();
        HostThreads.forRange(step.get(1), grain(n), (from, to) -> {
            for (int r = from; r < to; r++) {
                int row = first + r;
                long at = 4L * ((long) row * rowStride + offset);
                float f = factor(sums.get(row * sumsStride + sumsIndex), totalN, eps);
                scale(x, at, w, 4L * weightOffset, x, at, n, f);
            }
        });
    }
}
