package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.CombineGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.CombineHost;
import io.maseparation.kernels.portable.CombinePortable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Weighted sum of the experts' outputs of a row, in the order of its slots, which is that of the experts. */
public final class Combine {
    private Combine() {}

    /**
     * Adds the task: {@code v = scale · Σ_j weights[row · slots + j] · expertOut[row · slots + j, :]} over the slots
     * with {@code ids >= 0} in ascending j; {@code out[row, :] = accumulate ? out[row, :] + v : v}.
     *
     * @param step first row, number of rows, rows of prompts
     * @param expertOut [rows · slots, n]; empty slots are not read
     * @param weights [rows, slots]
     * @param ids [rows, slots]; negative for an empty slot
     * @param out [rows, n]
     * @param slots slots of a row
     * @param n columns
     * @param scale factor of the sum
     * @param accumulate whether the result is added to out
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray expertOut,
            FloatArray weights,
            IntArray ids,
            FloatArray out,
            int slots,
            int n,
            float scale,
            boolean accumulate) {
        Require.step("Combine", step);
        Require.atLeast("Combine", "slots", slots, 1);
        Require.atLeast("Combine", "n", n, 1);
        Require.length("Combine", "out", out, n);
        Require.length("Combine", "expertOut", expertOut, (long) slots * n);
        Require.length("Combine", "weights", weights, slots);
        Require.length("Combine", "ids", ids, slots);
        int add = accumulate ? 1 : 0;
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, CombineHost::combine, step, expertOut, weights, ids, out, slots, n, scale, add));
            case GPU -> {
                g.task(id, WorkerGrids.elements(out.getSize()), t -> t.task(
                        id, CombineGpu::combine, g.context(), step, expertOut, weights, ids, out, slots, n, scale,
                        add));
            }
            case PORTABLE -> g.task(id, t -> t.task(
                    id, CombinePortable::combine, step, expertOut, weights, ids, out, slots, n, scale, add));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param filled slots of all rows together that are not empty
     * @param slots slots of a row
     * @param n columns
     * @param accumulate whether the result is added to out
     */
    public static OpCost cost(int rows, int filled, int slots, int n, boolean accumulate) {
        long elements = (long) rows * n;
        return new OpCost(2L * filled * n + elements * (accumulate ? 2 : 1),
                8L * rows * slots,
                4 * ((long) filled * n + elements * (accumulate ? 2L : 1L)));
    }
}
