package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RowsHost;
import io.maseparation.kernels.portable.RowsPortable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gathers rows: {@code out[row,:] = in[rowIndex[row],:]} for the rows of a step. */
public final class SelectRows {
    private SelectRows() {}

    /**
     * Adds the task.
     *
     * @param step first row, number of rows, rows of prompts
     * @param rowIndex [rows]: row of {@code in} for each row of {@code out}; kernels do not check them
     * @param in [anything, n]
     * @param out [rows, n]; not {@code in}
     * @param n columns
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(
            KernelGraph g, String id, IntArray step, IntArray rowIndex, FloatArray in, FloatArray out, int n) {
        Require.step("SelectRows", step);
        Require.atLeast("SelectRows", "n", n, 1);
        Require.length("SelectRows", "rowIndex", rowIndex, 1);
        Require.length("SelectRows", "in", in, n);
        Require.length("SelectRows", "out", out, n);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, RowsHost::selectRows, step, rowIndex, in, out, n));
            case GPU -> {
                g.task(id, WorkerGrids.elements(out.getSize()),
                        t -> t.task(id, RowsGpu::selectRows, g.context(), step, rowIndex, in, out, n));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, RowsPortable::selectRows, step, rowIndex, in, out, n));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(0, 4L * rows, 8L * rows * n);
    }
}
