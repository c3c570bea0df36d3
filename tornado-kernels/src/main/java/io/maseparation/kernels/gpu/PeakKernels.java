package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Kernels that show what a device can do at most: yardsticks, not operations of a model. */
public final class PeakKernels {
    /** Multiply-adds of a thread and a round of {@link #multiplyAdds}. */
    public static final int CHAINS = 8;

    /** Elements that a thread of {@link #copy} copies. */
    public static final int COPIED = 8;

    private PeakKernels() {}

    /**
     * Copies {@value #COPIED} elements per thread, all of them on their way at once.
     *
     * @param stride number of threads; {@code from} and {@code to} have {@value #COPIED} times as many elements
     */
    public static void copy(KernelContext context, FloatArray from, FloatArray to, int stride) {
        int i = context.globalIdx;
        float a = from.get(i);
        float b = from.get(i + stride);
        float c = from.get(i + 2 * stride);
        float d = from.get(i + 3 * stride);
        float e = from.get(i + 4 * stride);
        float f = from.get(i + 5 * stride);
        float g = from.get(i + 6 * stride);
        float h = from.get(i + 7 * stride);
        to.set(i, a);
        to.set(i + stride, b);
        to.set(i + 2 * stride, c);
        to.set(i + 3 * stride, d);
        to.set(i + 4 * stride, e);
        to.set(i + 5 * stride, f);
        to.set(i + 6 * stride, g);
        to.set(i + 7 * stride, h);
    }

    /** {@code rounds} rounds of {@value #CHAINS} fp32 multiply-adds per thread, which do not wait for each other. */
    public static void multiplyAdds(KernelContext context, FloatArray out, int rounds) {
        float x = out.get(context.globalIdx);
        float a = x;
        float b = x + 1f;
        float c = x + 2f;
        float d = x + 3f;
        float e = x + 4f;
        float f = x + 5f;
        float g = x + 6f;
        float h = x + 7f;
        for (int i = 0; i < rounds; i++) {
            a = a * x + x;
            b = b * x + x;
            c = c * x + x;
            d = d * x + x;
            e = e * x + x;
            f = f * x + x;
            g = g * x + x;
            h = h * x + x;
        }
        out.set(context.globalIdx, a + b + c + d + e + f + g + h);
    }
}
