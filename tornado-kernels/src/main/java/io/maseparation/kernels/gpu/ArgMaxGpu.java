package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code ArgMax}: one work-group per row. */
public final class ArgMaxGpu {
    /** Threads of a work-group. */
    public static final int GROUP = 256;

    private ArgMaxGpu() {}

    /** See {@code ArgMax}: a thread strides over the row, then pairs of threads meet in local memory. */
    @SuppressWarnings("IdentityBinaryExpression") // Float.isNaN, in code that TornadoVM compiles
    public static void argMax(KernelContext context, IntArray step, FloatArray logits, IntArray best, int n) {
        int tid = context.localIdx;
        float[] highest = context.allocateFloatLocalArray(256);
        int[] index = context.allocateIntLocalArray(256);
        int row = step.get(0) + context.groupIdx;
        float h = -3.4028235e38f;
        int found = 0;
        if (context.groupIdx < step.get(1)) {
            for (int c = tid; c < n; c += 256) {
                float v = logits.get(row * n + c);
                if (found >= 0 && v > h) {
                    h = v;
                    found = c;
                }
                if (v != v || v > 3.4028235e38f || v < -3.4028235e38f) {
                    found = -1;
                }
            }
        }
        highest[tid] = h;
        index[tid] = found;
        context.localBarrier();
        for (int half = 128; half > 0; half = half / 2) {
            if (tid < half) {
                float other = highest[tid + half];
                int otherIndex = index[tid + half];
                if (index[tid] >= 0
                        && (otherIndex < 0 || other > highest[tid]
                                || (other == highest[tid] && otherIndex < index[tid]))) {
                    highest[tid] = other;
                    index[tid] = otherIndex;
                }
            }
            context.localBarrier();
        }
        if (tid == 0) {
            if (context.groupIdx < step.get(1)) {
                best.set(row, index[0]);
            }
        }
    }
}
