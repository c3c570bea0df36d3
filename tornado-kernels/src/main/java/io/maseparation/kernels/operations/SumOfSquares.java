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
 * Sum of squares of a range of columns. With {@link ScaleByRms} it is an RMS norm over columns that several ranks hold
 * parts of: each sums its own, the sums are added up between the ranks, and each scales its own.
 */
public final class SumOfSquares {
    private SumOfSquares() {}

    /**
     * Adds the task: {@code sums[row · sumsStride + sumsIndex] = Σ_i buf[row · rowStride + offset + i]²}, i &lt; n.
     *
     * @param step first row, number of rows, rows of prompts
     * @param buf [rows, rowStride]
     * @param rowStride elements between the starts of two rows
     * @param offset first column
     * @param n columns
     * @param sums [rows, sumsStride]
     * @param sumsStride sums of a row
     * @param sumsIndex which of them is written
     * @throws IllegalArgumentException if the columns do not fit in a row or an array is too short
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray buf,
            int rowStride,
            int offset,
            int n,
            FloatArray sums,
            int sumsStride,
            int sumsIndex) {
        Require.step("SumOfSquares", step);
        Require.atLeast("SumOfSquares", "n", n, 1);
        Require.atLeast("SumOfSquares", "offset", offset, 0);
        Require.atLeast("SumOfSquares", "rowStride", rowStride, (long) offset + n);
        Require.atLeast("SumOfSquares", "sumsIndex", sumsIndex, 0);
        Require.atLeast("SumOfSquares", "sumsStride", sumsStride, sumsIndex + 1L);
        Require.length("SumOfSquares", "buf", buf, rowStride);
        int rows = buf.getSize() / rowStride;
        Require.length("SumOfSquares", "sums", sums, (long) rows * sumsStride);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, NormHost::sumOfSquares, step, buf, rowStride, offset, n, sums, sumsStride, sumsIndex));
            case GPU -> {
                WorkerGrid workers = WorkerGrids.groups(rows, NormGpu.GROUP);
                g.task(
                        id,
                        workers,
                        t -> t.task(
                                id,
                                NormGpu::sumOfSquares,
                                g.context(),
                                step,
                                buf,
                                rowStride,
                                offset,
                                n,
                                sums,
                                sumsStride,
                                sumsIndex));
            }
            case PORTABLE -> g.task(id, t -> t.task(
                    id, NormPortable::sumOfSquares, step, buf, rowStride, offset, n, sums, sumsStride, sumsIndex));
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     */
    public static OpCost cost(int rows, int n) {
        return new OpCost(2L * rows * n, 4L * rows, 4L * rows * n);
    }
}
