package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RowsHost;
import io.maseparation.kernels.portable.RowsPortable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Residual connection: {@code x[row,:] += scale · y[row,:]} for the rows of a step. */
public final class ResidualAdd {
    private ResidualAdd() {}

    /**
     * Adds the task.
     *
     * @param step first row, number of rows, rows of prompts
     * @param y [rows, n]
     * @param x [rows, n]
     * @param n columns
     * @param scale factor of {@code y}; 1 in most models
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(KernelGraph g, String id, IntArray step, FloatArray y, FloatArray x, int n, float scale) {
        Require.step("ResidualAdd", step);
        Require.atLeast("ResidualAdd", "n", n, 1);
        Require.length("ResidualAdd", "y", y, n);
        Require.length("ResidualAdd", "x", x, n);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, RowsHost::residualAdd, step, y, x, n, scale));
            case GPU -> {
                g.task(id, WorkerGrids.elements(x.getSize()),
                        t -> t.task(id, RowsGpu::residualAdd, g.context(), step, y, x, n, scale));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, RowsPortable::residualAdd, step, y, x, n, scale));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(2L * rows * n, 0, 12L * rows * n);
    }
}
