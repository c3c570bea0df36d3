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
 * RMS normalisation in place of neighbouring groups of columns, each over its own mean square and all with the same
 * weight: the query and key norm of qwen3_moe, one group per head.
 */
public final class HeadRmsNorm {
    private HeadRmsNorm() {}

    /**
     * Adds the task: for every row of the step and group h,
     * {@code x = buf[row · rowStride + offset + h · n ..][n]; x = x · weight / sqrt(mean(x²) + eps)}.
     *
     * @param step first row, number of rows, rows of prompts
     * @param buf [rows, rowStride]
     * @param weight [n]
     * @param rowStride elements between the starts of two rows
     * @param offset column of the first group
     * @param groups groups of a row
     * @param n columns of a group
     * @param eps added to the mean square
     * @throws IllegalArgumentException if the groups do not fit in a row or an array is too short
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray buf,
            FloatArray weight,
            int rowStride,
            int offset,
            int groups,
            int n,
            float eps) {
        Require.step("HeadRmsNorm", step);
        Require.atLeast("HeadRmsNorm", "n", n, 1);
        Require.atLeast("HeadRmsNorm", "groups", groups, 1);
        Require.atLeast("HeadRmsNorm", "offset", offset, 0);
        Require.atLeast("HeadRmsNorm", "rowStride", rowStride, offset + (long) groups * n);
        Require.length("HeadRmsNorm", "weight", weight, n);
        Require.length("HeadRmsNorm", "buf", buf, rowStride);
        g.constant(weight);
        switch (g.target().choose().body()) {
            case HOST -> g.task(
                    id, t -> t.task(id, NormHost::headRmsNorm, step, buf, weight, rowStride, offset, groups, n, eps));
            case GPU -> {
                int units = buf.getSize() / rowStride * groups;
                WorkerGrid workers = WorkerGrids.groups(Math.ceilDiv(units, NormGpu.WARPS), NormGpu.GROUP);
                g.task(
                        id,
                        workers,
                        t -> t.task(
                                id,
                                NormGpu::headRmsNorm,
                                g.context(),
                                step,
                                buf,
                                weight,
                                rowStride,
                                offset,
                                groups,
                                n,
                                eps));
            }
            case PORTABLE -> g.task(
                    id,
                    t -> t.task(id, NormPortable::headRmsNorm, step, buf, weight, rowStride, offset, groups, n, eps));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param groups groups of a row
     * @param n columns of a group
     */
    public static OpCost cost(int rows, int groups, int n) {
        long elements = (long) rows * groups * n;
        return new OpCost(4 * elements, 4L * n, 8 * elements);
    }
}
