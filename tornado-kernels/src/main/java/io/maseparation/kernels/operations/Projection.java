package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.ProjectionGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.ProjectionHost;
import io.maseparation.kernels.portable.ProjectionPortable;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Linear layer: {@code out[row,r] = scale · (Σ w[r,k] · x[row,k] + bias[r])} for the rows of a step, added to what
 * {@code out} holds when accumulating. Sums are fp32, in an order that only the number of columns decides.
 */
public final class Projection {
    private static final int BIAS = 1;
    private static final int ACCUMULATE = 2;

    private Projection() {}

    /**
     * Adds the task. Declares {@code w} and {@code bias} as constants of the graph.
     *
     * @param step first row, number of rows, rows of prompts
     * @param x [rows, w.cols]
     * @param w [outputs, columns]
     * @param bias [w.rows], or null for none
     * @param out [rows, w.rows]; not {@code x}
     * @param scale factor of the result
     * @param accumulate whether the result is added to {@code out} or replaces it
     * @throws IllegalArgumentException if an array is too short, or the device cannot read the weights
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray x,
            WeightMatrix w,
            @Nullable FloatArray bias,
            FloatArray out,
            float scale,
            boolean accumulate) {
        Require.step("Projection", step);
        WeightChecks.require(g, "Projection", "w", w, w.cols());
        Require.length("Projection", "x", x, w.cols());
        Require.length("Projection", "out", out, w.rows());
        if (bias != null) {
            Require.length("Projection", "bias", bias, w.rows());
        }
        if (w.rows() == 0) {
            return;
        }
        // A kernel takes no null.
        FloatArray b = bias == null ? DeviceArrays.floats(1) : bias;
        int flags = (bias == null ? 0 : BIAS) | (accumulate ? ACCUMULATE : 0);
        int offset = w.offset();
        int stride = w.rowStride();
        int rows = w.rows();
        int cols = w.cols();
        if (TensorTasks.suits(g.target(), w)) {
            TensorTasks.addProjection(g, id, step, x, List.of(w), b, out, cols, scale, 0f, flags);
            return;
        }
        g.constant(w.data(), b);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, ProjectionHost::project, step, x, w.data(), b, out, offset, stride, rows, cols, scale,
                    flags));
            case GPU -> {
                WorkerGrid workers = WorkerGrids.groups(
                        Math.ceilDiv(rows, ProjectionGpu.GROUP / WorkerGrids.WARP), ProjectionGpu.GROUP);
                g.task(id, workers, t -> switch (w.data()) {
                    case FloatArray a -> t.task(
                            id, ProjectionGpu::projectF32, g.context(), step, x, a, b, out, offset, stride, rows, cols,
                            scale, flags);
                    case HalfFloatArray a -> t.task(
                            id, ProjectionGpu::projectF16, g.context(), step, x, a, b, out, offset, stride, rows, cols,
                            scale, flags);
                    case BFloat16Array a -> t.task(
                            id, ProjectionGpu::projectBf16, g.context(), step, x, a, b, out, offset, stride, rows, cols,
                            scale, flags);
                    default -> throw new IllegalStateException();
                });
            }
            case PORTABLE -> g.task(id, t -> switch (w.data()) {
                case FloatArray a -> t.task(
                        id, ProjectionPortable::projectF32, step, x, a, b, out, offset, stride, rows, cols,
                        scale, flags);
                case HalfFloatArray a -> t.task(
                        id, ProjectionPortable::projectF16, step, x, a, b, out, offset, stride, rows, cols,
                        scale, flags);
                case BFloat16Array a -> t.task(
                        id, ProjectionPortable::projectBf16, step, x, a, b, out, offset, stride, rows, cols,
                        scale, flags);
                default -> throw new IllegalStateException();
            });
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param outputs rows of the weight matrix
     * @param cols columns of the weight matrix
     * @param type format of the weights
     */
    public static OpCost cost(int rows, int outputs, int cols, DataType type) {
        long weights = rows == 0 ? 0 : (long) outputs * cols * type.bytes();
        return new OpCost(2L * rows * outputs * cols, weights, 4L * rows * ((long) cols + outputs));
    }
}
