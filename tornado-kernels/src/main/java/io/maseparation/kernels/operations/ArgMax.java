package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.ArgMaxGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RowsHost;
import io.maseparation.kernels.portable.RowsPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Greedy sampling: {@code best[row]} is the column of the largest of {@code logits[row,:]}, the lowest such column on
 * ties. A row with a NaN or an infinity gives -1: what made it is broken, whichever column is the largest.
 */
public final class ArgMax {
    private ArgMax() {}

    /**
     * Adds the task.
     *
     * @param step first row, number of rows, rows of prompts
     * @param logits [rows, n]
     * @param best [rows]
     * @param n columns
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(KernelGraph g, String id, IntArray step, FloatArray logits, IntArray best, int n) {
        Require.step("ArgMax", step);
        Require.atLeast("ArgMax", "n", n, 1);
        Require.length("ArgMax", "logits", logits, n);
        Require.length("ArgMax", "best", best, 1);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, RowsHost::argMax, step, logits, best, n));
            case GPU -> {
                int rows = best.getSize();
                WorkerGrid workers = WorkerGrids.groups(rows, ArgMaxGpu.GROUP);
                g.task(id, workers, t -> t.task(id, ArgMaxGpu::argMax, g.context(), step, logits, best, n));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, RowsPortable::argMax, step, logits, best, n));
        }
    }

    /**
     * Least work. A comparison counts as an operation.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost((long) rows * n, 4L * rows, 4L * rows * n);
    }
}
