package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.RowsGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RowsHost;
import io.maseparation.kernels.portable.RowsPortable;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rows of the token table: {@code x[row,:] = multiplier · table[tokens[row],:]} for the rows of a step. */
public final class Embedding {
    private Embedding() {}

    /**
     * Adds the task. Declares {@code table} as a constant of the graph.
     *
     * @param step first row, number of rows, rows of prompts
     * @param tokens [rows]: token of each row, below table.rows; kernels do not check them
     * @param table [vocabulary, columns]
     * @param x [rows, table.cols]
     * @param multiplier factor of every element; 1 in most models
     * @throws IllegalArgumentException if an array is too short, or the device cannot read the table
     */
    public static void add(
            KernelGraph g, String id, IntArray step, IntArray tokens, WeightMatrix table, FloatArray x,
            float multiplier) {
        Require.step("Embedding", step);
        Require.length("Embedding", "tokens", tokens, 1);
        WeightChecks.require(g, "Embedding", "table", table, table.cols());
        Require.atLeast("Embedding", "table.cols", table.cols(), 1);
        Require.length("Embedding", "x", x, table.cols());
        int offset = table.offset();
        int stride = table.rowStride();
        int n = table.cols();
        g.constant(table.data());
        switch (g.target().choose().body()) {
            case HOST -> g.task(
                    id, t -> t.task(id, RowsHost::embed, step, tokens, table.data(), x, offset, stride, n, multiplier));
            case GPU -> g.task(id, WorkerGrids.elements(x.getSize()), t -> switch (table.data()) {
                case FloatArray a -> t.task(id, RowsGpu::embedF32, g.context(), step, tokens, a, x, offset, stride, n,
                        multiplier);
                case HalfFloatArray a -> t.task(id, RowsGpu::embedF16, g.context(), step, tokens, a, x, offset, stride,
                        n,
                        multiplier);
                case BFloat16Array a -> t.task(id, RowsGpu::embedBf16, g.context(), step, tokens, a, x, offset, stride,
                        n,
                        multiplier);
                default -> throw new IllegalStateException();
            });
            case PORTABLE -> g.task(id, t -> switch (table.data()) {
                case FloatArray a -> t.task(id, RowsPortable::embedF32, step, tokens, a, x, offset, stride, n,
                        multiplier);
                case HalfFloatArray a -> t.task(id, RowsPortable::embedF16, step, tokens, a, x, offset, stride, n,
                        multiplier);
                case BFloat16Array a -> t.task(id, RowsPortable::embedBf16, step, tokens, a, x, offset, stride, n,
                        multiplier);
                default -> throw new IllegalStateException();
            });
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param n columns
     * @param type format of the table
     */
    public static OpCost cost(int rows, int n, DataType type) {
        return new OpCost((long) rows * n, (long) rows * n * type.bytes() + 4L * rows, 4L * rows * n);
    }
}
