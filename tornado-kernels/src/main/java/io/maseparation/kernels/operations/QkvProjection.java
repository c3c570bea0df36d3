package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.ProjectionGpu;
import io.maseparation.kernels.gpu.QkvGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.ProjectionHost;
import io.maseparation.kernels.portable.QkvPortable;
import java.util.List;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The three projections in front of attention as one task:
 * {@code qkv[row,:] = concat(q · x[row], k · x[row], v · x[row]) + bias}, each element limited to ±clip.
 */
public final class QkvProjection {
    private QkvProjection() {}

    /**
     * Adds the task. Declares the weights and {@code bias} as constants of the graph.
     *
     * @param step first row, number of rows, rows of prompts
     * @param x [rows, q.cols]
     * @param q [heads · headDim, columns]
     * @param k [kvHeads · headDim, columns], of q's data type
     * @param v as {@code k}
     * @param bias [q.rows + k.rows + v.rows], or null for none
     * @param qkv [rows, q.rows + k.rows + v.rows]
     * @param clip largest magnitude of an element; 0 for no limit
     * @throws IllegalArgumentException if a shape does not fit, or the device cannot read the weights
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray x,
            WeightMatrix q,
            WeightMatrix k,
            WeightMatrix v,
            @Nullable FloatArray bias,
            FloatArray qkv,
            float clip) {
        Require.step("QkvProjection", step);
        WeightChecks.require(g, "QkvProjection", "q", q, q.cols());
        WeightChecks.require(g, "QkvProjection", "k", k, q.cols());
        WeightChecks.require(g, "QkvProjection", "v", v, q.cols());
        WeightChecks.sameType("QkvProjection", "k", k, q);
        WeightChecks.sameType("QkvProjection", "v", v, q);
        int total = q.rows() + k.rows() + v.rows();
        Require.atLeast("QkvProjection", "q.rows + k.rows + v.rows", total, 1);
        Require.length("QkvProjection", "x", x, q.cols());
        Require.length("QkvProjection", "qkv", qkv, total);
        if (bias != null) {
            Require.length("QkvProjection", "bias", bias, total);
        }
        // A kernel takes no null.
        FloatArray b = bias == null ? DeviceArrays.floats(1) : bias;
        int biased = bias == null ? 0 : 1;
        int cols = q.cols();
        int qOffset = q.offset();
        int qStride = q.rowStride();
        int qRows = q.rows();
        int kOffset = k.offset();
        int kStride = k.rowStride();
        int kRows = k.rows();
        int vOffset = v.offset();
        int vStride = v.rowStride();
        int vRows = v.rows();
        if (TensorTasks.suits(g.target(), q)
                && TensorTasks.suits(g.target(), k)
                && TensorTasks.suits(g.target(), v)
                && kStride == qStride
                && vStride == qStride) {
            TensorTasks.addProjection(g, id, step, x, List.of(q, k, v), b, qkv, cols, 1f, clip, biased);
            return;
        }
        g.constant(q.data(), k.data(), v.data(), b);
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, ProjectionHost::qkv, step, x, q.data(), k.data(), v.data(), b, qkv, cols, qOffset, qStride,
                    qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased));
            case GPU -> {
                WorkerGrid workers = WorkerGrids.groups(
                        Math.ceilDiv(total, ProjectionGpu.GROUP / WorkerGrids.WARP), ProjectionGpu.GROUP);
                g.task(id, workers, t -> switch (q.data()) {
                    case FloatArray a -> t.task(
                            id, QkvGpu::qkvF32, g.context(), step, x, a, (FloatArray) k.data(), (FloatArray) v.data(),
                            b,
                            qkv, cols,
                            qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                    case HalfFloatArray a -> t.task(
                            id, QkvGpu::qkvF16, g.context(), step, x, a, (HalfFloatArray) k.data(),
                            (HalfFloatArray) v.data(), b, qkv, cols,
                            qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                    case BFloat16Array a -> t.task(
                            id, QkvGpu::qkvBf16, g.context(), step, x, a, (BFloat16Array) k.data(),
                            (BFloat16Array) v.data(), b, qkv, cols,
                            qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                    default -> throw new IllegalStateException();
                });
            }
            case PORTABLE -> g.task(id, t -> switch (q.data()) {
                case FloatArray a -> t.task(
                        id, QkvPortable::qkvF32, step, x, a, (FloatArray) k.data(), (FloatArray) v.data(), b, qkv, cols,
                        qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                case HalfFloatArray a -> t.task(
                        id, QkvPortable::qkvF16, step, x, a, (HalfFloatArray) k.data(), (HalfFloatArray) v.data(), b,
                        qkv, cols,
                        qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                case BFloat16Array a -> t.task(
                        id, QkvPortable::qkvBf16, step, x, a, (BFloat16Array) k.data(), (BFloat16Array) v.data(), b,
                        qkv, cols,
                        qOffset, qStride, qRows, kOffset, kStride, kRows, vOffset, vStride, vRows, clip, biased);
                default -> throw new IllegalStateException();
            });
        }
    }

    /**
     * Least work.
     *
     * @param rows rows of the step
     * @param outputs q.rows + k.rows + v.rows
     * @param cols columns of the weight matrices
     * @param type format of the weights
     */
    public static OpCost cost(int rows, int outputs, int cols, DataType type) {
        return Projection.cost(rows, outputs, cols, type);
    }
}
