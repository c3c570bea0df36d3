package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable body of {@code Combine}: one thread per element. */
public final class CombinePortable {
    private CombinePortable() {}

    /** See {@code Combine}. */
    public static void combine(
            IntArray step,
            FloatArray expertOut,
            FloatArray weights,
            IntArray ids,
            FloatArray out,
            int slots,
            int n,
            float scale,
            int accumulate) {
        int first = step.get(0);
        int elements = step.get(1) * n;
        for (@Parallel int u = 0; u < elements; u++) {
            element(u, first, expertOut, weights, ids, out, slots, n, scale, accumulate);
        }
    }

    /** Element {@code u} of a step's rows. */
    public static void element(
            int u,
            int first,
            FloatArray expertOut,
            FloatArray weights,
            IntArray ids,
            FloatArray out,
            int slots,
            int n,
            float scale,
            int accumulate) {
        int row = first + u / n;
        int column = u % n;
        float sum = 0f;
        for (int j = 0; j < slots; j++) {
            int pair = row * slots + j;
            if (ids.get(pair) >= 0) {
                sum += weights.get(pair) * expertOut.get(pair * n + column);
            }
        }
        float value = scale * sum;
        if (accumulate == 1) {
            value += out.get(row * n + column);
        }
        out.set(row * n + column, value);
    }
}
