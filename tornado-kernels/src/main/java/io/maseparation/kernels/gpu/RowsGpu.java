package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu bodies of operations on whole rows: one thread per element. */
public final class RowsGpu {
    private RowsGpu() {}

    /** {@code Embedding} from a table in F32. */
    public static void embedF32(
            KernelContext context,
            IntArray step,
            IntArray tokens,
            FloatArray table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int i = context.globalIdx;
        if (i < step.get(1) * n) {
            int c = i % n;
            int row = step.get(0) + i / n;
            x.set(row * n + c, multiplier * table.get(offset + tokens.get(row) * stride + c));
        }
    }

    /** {@code Embedding} from a table in F16. */
    public static void embedF16(
            KernelContext context,
            IntArray step,
            IntArray tokens,
            HalfFloatArray table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int i = context.globalIdx;
        if (i < step.get(1) * n) {
            int c = i % n;
            int row = step.get(0) + i / n;
            x.set(row * n + c, multiplier * table.get(offset + tokens.get(row) * stride + c).getFloat32());
        }
    }

    /** {@code Embedding} from a table in BF16. */
    public static void embedBf16(
            KernelContext context,
            IntArray step,
            IntArray tokens,
            BFloat16Array table,
            FloatArray x,
            int offset,
            int stride,
            int n,
            float multiplier) {
        int i = context.globalIdx;
        if (i < step.get(1) * n) {
            int c = i % n;
            int row = step.get(0) + i / n;
            x.set(row * n + c, multiplier * table.getFloat(offset + tokens.get(row) * stride + c));
        }
    }

    /** See {@code ResidualAdd}. */
    public static void residualAdd(
            KernelContext context, IntArray step, FloatArray y, FloatArray x, int n, float scale) {
        if (context.globalIdx < step.get(1) * n) {
            int i = step.get(0) * n + context.globalIdx;
            x.set(i, x.get(i) + scale * y.get(i));
        }
    }

    /** See {@code Clip}. */
    public static void clip(KernelContext context, IntArray step, FloatArray x, int n, float limit) {
        if (context.globalIdx < step.get(1) * n) {
            int i = step.get(0) * n + context.globalIdx;
            x.set(i, DeviceDots.clip(x.get(i), limit));
        }
    }

    /** See {@code SelectRows}. */
    public static void selectRows(
            KernelContext context, IntArray step, IntArray rowIndex, FloatArray in, FloatArray out, int n) {
        int i = context.globalIdx;
        if (i < step.get(1) * n) {
            int c = i % n;
            int row = step.get(0) + i / n;
            out.set(row * n + c, in.get(rowIndex.get(row) * n + c));
        }
    }

    /** See {@code ScaleByRms}. */
    public static void scaleByRms(
            KernelContext context,
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
        int u = context.globalIdx;
        if (u < step.get(1) * n) {
            int row = step.get(0) + u / n;
            int i = u % n;
            float factor = 1f / TornadoMath.sqrt(sums.get(row * sumsStride + sumsIndex) / totalN + eps);
            int at = row * rowStride + offset + i;
            buf.set(at, buf.get(at) * factor * weight.get(weightOffset + i));
        }
    }

    /** Reads one element of each array, so that TornadoVM sends them to the device before what follows. */
    public static void read(
            KernelContext context, IntArray a, IntArray b, IntArray c, IntArray d, IntArray e, IntArray sum) {
        if (context.globalIdx == 0) {
            sum.set(0, a.get(0) + b.get(0) + c.get(0) + d.get(0) + e.get(0));
        }
    }
}
