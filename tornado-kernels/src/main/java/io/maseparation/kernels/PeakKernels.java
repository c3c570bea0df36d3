package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Kernels that show what a device can do at most: yardsticks, not operations of a model. */
public final class PeakKernels {
    /** Multiply-adds of a thread and a round of {@link #multiplyAdds}. */
    public static final int CHAINS = 8;

    private PeakKernels() {}

    /** A thread an element: {@code to[i] = from[i]}. */
    public static void copy(KernelContext context, FloatArray from, FloatArray to) {
        to.set(context.globalIdx, from.get(context.globalIdx));
    }

    /** {@code rounds} rounds of {@value #CHAINS} fp32 multiply-adds a thread, which do not wait for each other. */
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
