package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RowsHost;
import io.maseparation.kernels.portable.RowsPortable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Clamps the rows of a step to ±limit, in place: {@code clip_qkv} of models that norm queries and keys, which clip what
 * comes out of the norm. Where there is no norm, {@link QkvProjection} clips.
 */
public final class Clip {
    private Clip() {}

    /**
     * Adds the task.
     *
     * @param step first row, number of rows, rows of prompts
     * @param x [rows, n]
     * @param n columns
     * @param limit largest magnitude; above 0
     * @throws IllegalArgumentException if the array is too short or the limit is not above 0
     */
    public static void add(KernelGraph g, String id, IntArray step, FloatArray x, int n, float limit) {
        Require.step("Clip", step);
        Require.atLeast("Clip", "n", n, 1);
        Require.length("Clip", "x", x, n);
        if (!(limit > 0)) {
            throw new IllegalArgumentException("Clip: limit is " + limit + ", expected above 0");
        }
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, RowsHost::clip, step, x, n, limit));
            case GPU -> {
                g.task(id, WorkerGrids.elements(x.getSize()),
                        t -> t.task(id, RowsGpu::clip, g.context(), step, x, n, limit));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, RowsPortable::clip, step, x, n, limit));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(2L * rows * n, 0, 8L * rows * n);
    }
}
