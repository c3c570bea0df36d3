package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.NormHost;
import io.maseparation.kernels.portable.NormPortable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The second half of an RMS norm whose sum of squares is already known; see {@link SumOfSquares}. */
public final class ScaleByRms {
    private ScaleByRms() {}

    /**
     * Adds the task, in place and for i &lt; n: {@code buf[row · rowStride + offset + i] *=
     * weight[weightOffset + i] / sqrt(sums[row · sumsStride + sumsIndex] / totalN + eps)}.
     *
     * @param step first row, number of rows, rows of prompts
     * @param buf [rows, rowStride]
     * @param weight at least weightOffset + n elements
     * @param weightOffset weight of the first column
     * @param rowStride elements between the starts of two rows
     * @param offset first column
     * @param n columns
     * @param sums [rows, sumsStride], sums of squares over all ranks
     * @param sumsStride sums of a row
     * @param sumsIndex which of them is read
     * @param totalN columns of all ranks together
     * @param eps added to the mean square
     * @throws IllegalArgumentException if the columns do not fit in a row or an array is too short
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray buf,
            FloatArray weight,
            int weightOffset,
            int rowStride,
            int offset,
            int n,
            FloatArray sums,
            int sumsStride,
            int sumsIndex,
            int totalN,
            float eps) {
        Require.step("ScaleByRms", step);
        Require.atLeast("ScaleByRms", "n", n, 1);
        Require.atLeast("ScaleByRms", "totalN", totalN, n);
        Require.atLeast("ScaleByRms", "offset", offset, 0);
        Require.atLeast("ScaleByRms", "weightOffset", weightOffset, 0);
        Require.atLeast("ScaleByRms", "rowStride", rowStride, (long) offset + n);
        Require.atLeast("ScaleByRms", "sumsIndex", sumsIndex, 0);
        Require.atLeast("ScaleByRms", "sumsStride", sumsStride, sumsIndex + 1L);
        Require.length("ScaleByRms", "weight", weight, (long) weightOffset + n);
        Require.length("ScaleByRms", "buf", buf, rowStride);
        Require.length("ScaleByRms", "sums", sums, (long) (buf.getSize() / rowStride) * sumsStride);
        g.constant(weight);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(id, NormHost::scaleByRms, step, buf, weight, weightOffset, rowStride,
                    offset, n, sums, sumsStride, sumsIndex, totalN, eps));
            case GPU -> {
                g.task(id, WorkerGrids.elements((long) (buf.getSize() / rowStride) * n),
                        t -> t.task(id, RowsGpu::scaleByRms, g.context(), step, buf, weight, weightOffset, rowStride,
                                offset, n, sums, sumsStride, sumsIndex, totalN, eps));
            }
            case PORTABLE -> g.task(id, t -> t.task(id, NormPortable::scaleByRms, step, buf, weight, weightOffset,
                    rowStride, offset, n, sums, sumsStride, sumsIndex, totalN, eps));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(2L * rows * n, 4L * rows + 4L * n, 8L * rows * n);
    }
}
