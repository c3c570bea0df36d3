package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of {@code Projection}: one thread per output. */
public final class ProjectionPortable {
    private ProjectionPortable() {}

    /** F32 weights. */
    public static void projectF32(
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
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * rows; i++) {
            int r = i % rows;
            int row = first + i / rows;
            float v = DeviceDots.serial(w, offset + r * stride, x, row * cols, cols);
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

    /** F16 weights. */
    public static void projectF16(
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
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * rows; i++) {
            int r = i % rows;
            int row = first + i / rows;
            float v = DeviceDots.serial(w, offset + r * stride, x, row * cols, cols);
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

    /** BF16 weights. */
    public static void projectBf16(
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
        int first = step.get(0);
        int count = step.get(1);
        for (@Parallel int i = 0; i < count * rows; i++) {
            int r = i % rows;
            int row = first + i / rows;
            float v = DeviceDots.serial(w, offset + r * stride, x, row * cols, cols);
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
