package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of {@code QkvProjection}: one thread per output. */
public final class QkvPortable {
    private QkvPortable() {}

    /** F32 weights. */
    public static void qkvF32(
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
        int first = step.get(0);
        int count = step.get(1);
        int total = qRows + kRows + vRows;
        for (@Parallel int i = 0; i < count * total; i++) {
            int r = i % total;
            int row = first + i / total;
            int at = row * total + r;
            // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
            if (r < qRows) {
                qkv.set(at, DeviceDots.serial(q, qOffset + r * qStride, x, row * cols, cols));
            }
            if (r >= qRows && r < qRows + kRows) {
                qkv.set(at, DeviceDots.serial(k, kOffset + (r - qRows) * kStride, x, row * cols, cols));
            }
            if (r >= qRows + kRows) {
                qkv.set(at, DeviceDots.serial(v, vOffset + (r - qRows - kRows) * vStride, x, row * cols, cols));
            }
            float value = qkv.get(at);
            if (biased != 0) {
                value += bias.get(r);
            }
            qkv.set(at, DeviceDots.clip(value, clip));
        }
    }

    /** F16 weights. */
    public static void qkvF16(
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
        int first = step.get(0);
        int count = step.get(1);
        int total = qRows + kRows + vRows;
        for (@Parallel int i = 0; i < count * total; i++) {
            int r = i % total;
            int row = first + i / total;
            int at = row * total + r;
            // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
            if (r < qRows) {
                qkv.set(at, DeviceDots.serial(q, qOffset + r * qStride, x, row * cols, cols));
            }
            if (r >= qRows && r < qRows + kRows) {
                qkv.set(at, DeviceDots.serial(k, kOffset + (r - qRows) * kStride, x, row * cols, cols));
            }
            if (r >= qRows + kRows) {
                qkv.set(at, DeviceDots.serial(v, vOffset + (r - qRows - kRows) * vStride, x, row * cols, cols));
            }
            float value = qkv.get(at);
            if (biased != 0) {
                value += bias.get(r);
            }
            qkv.set(at, DeviceDots.clip(value, clip));
        }
    }

    /** BF16 weights. */
    public static void qkvBf16(
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
        int first = step.get(0);
        int count = step.get(1);
        int total = qRows + kRows + vRows;
        for (@Parallel int i = 0; i < count * total; i++) {
            int r = i % total;
            int row = first + i / total;
            int at = row * total + r;
            // Each branch finishes its output: values of branches that end in loops must not meet (see DeviceDots).
            if (r < qRows) {
                qkv.set(at, DeviceDots.serial(q, qOffset + r * qStride, x, row * cols, cols));
            }
            if (r >= qRows && r < qRows + kRows) {
                qkv.set(at, DeviceDots.serial(k, kOffset + (r - qRows) * kStride, x, row * cols, cols));
            }
            if (r >= qRows + kRows) {
                qkv.set(at, DeviceDots.serial(v, vOffset + (r - qRows - kRows) * vStride, x, row * cols, cols));
            }
            float value = qkv.get(at);
            if (biased != 0) {
                value += bias.get(r);
            }
            qkv.set(at, DeviceDots.clip(value, clip));
        }
    }
}
