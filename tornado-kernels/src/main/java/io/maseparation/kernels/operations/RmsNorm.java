package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.NormGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.NormHost;
import io.maseparation.kernels.portable.NormPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Root-mean-square normalisation of rows: {@code out[row,i] = in[row,i] · weight[i] / sqrt(mean(in[row,:]²) + eps)}
 * (Zhang and Sennrich, arXiv 1910.07467).
 */
public final class RmsNorm {
    private RmsNorm() {}

    /**
     * Adds the task.
     *
     * @param step first row, number of rows, rows of prompts
     * @param in [rows, n]
     * @param weight [n]
     * @param out [rows, n]; may be {@code in}
     * @param n columns
     * @param eps added to the mean square
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(
            KernelGraph g, String id, IntArray step, FloatArray in, FloatArray weight, FloatArray out, int n,
            float eps) {
        Require.step("RmsNorm", step);
        Require.atLeast("RmsNorm", "n", n, 1);
        Require.length("RmsNorm", "weight", weight, n);
        Require.length("RmsNorm", "in", in, n);
        Require.length("RmsNorm", "out", out, n);
        g.constant(weight);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, NormHost::rmsNorm, step, in, weight, out, n, eps));
            case GPU -> {
                WorkerGrid workers = WorkerGrids.groups(in.getSize() / n, NormGpu.GROUP);
                g.task(id, workers, t -> t.task(id, NormGpu::rmsNorm, g.context(), step, in, weight, out, n, eps));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, NormPortable::rmsNorm, step, in, weight, out, n, eps));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(4L * rows * n, 4L * n, 8L * rows * n);
    }
}
