package io.maseparation.kernels.operations;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.ExpertGpu;
import io.maseparation.kernels.gpu.ProjectionGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.ExpertHost;
import io.maseparation.kernels.portable.ExpertPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.BFloat16Array;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Second half of the experts' feed-forward: {@code out[pairs[p],:] = down · hidden[p,:]} for the pairs of row and
 * expert that {@link Dispatch} grouped. {@link Combine} adds up what the experts of a row gave.
 */
public final class ExpertDown {
    private ExpertDown() {}

    /**
     * Adds the task. Declares the weights as constants of the graph.
     *
     * @param hidden [pairs, hiddenStride], of which the experts' width is read
     * @param offsets [groups + 1]: where each group's pairs begin
     * @param pairs row · slots + slot, by group
     * @param bank the experts
     * @param out [rows · slots, down.rows]
     * @param hiddenStride elements between rows of {@code hidden}
     * @throws IllegalArgumentException if a shape does not fit, or the device cannot read the weights
     */
    public static void add(
            KernelGraph g,
            String id,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            FloatArray out,
            int hiddenStride) {
        WeightMatrix down = bank.first().down();
        WeightChecks.require(g, "ExpertDown", "down", down, down.cols());
        Require.atLeast("ExpertDown", "hiddenStride", hiddenStride, down.cols());
        Require.length("ExpertDown", "hidden", hidden, 0);
        Require.length("ExpertDown", "offsets", offsets, bank.firstGroup() + bank.count() + 1L);
        Require.length("ExpertDown", "pairs", pairs, 0);
        Require.length("ExpertDown", "out", out, down.rows());
        if (down.rows() == 0) {
            return;
        }
        int firstGroup = bank.firstGroup();
        int experts = bank.count();
        int rows = down.rows();
        int width = down.cols();
        int offset = down.offset();
        int stride = down.rowStride();
        int expertStride = bank.downStride();
        if (TensorTasks.suits(g.target(), down, expertStride)) {
            TensorTasks.addExpertDown(g, id, hidden, offsets, pairs, bank, out, hiddenStride);
            return;
        }
        g.constant(down.data());
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, ExpertHost::down, hidden, offsets, pairs, down.data(), out, firstGroup, experts, rows,
                    width, hiddenStride, offset, stride, expertStride));
            case GPU -> {
                int warps = Math.multiplyExact(experts, rows);
                WorkerGrid workers = WorkerGrids.groups(
                        Math.ceilDiv(warps, ProjectionGpu.GROUP / WorkerGrids.WARP), ProjectionGpu.GROUP);
                g.task(id, workers, t -> switch (down.data()) {
                    case FloatArray a -> t.task(
                            id, ExpertGpu::downF32, g.context(), hidden, offsets, pairs, a, out, firstGroup, experts,
                            rows, width, hiddenStride, offset, stride, expertStride);
                    case HalfFloatArray a -> t.task(
                            id, ExpertGpu::downF16, g.context(), hidden, offsets, pairs, a, out, firstGroup, experts,
                            rows, width, hiddenStride, offset, stride, expertStride);
                    case BFloat16Array a -> t.task(
                            id, ExpertGpu::downBf16, g.context(), hidden, offsets, pairs, a, out, firstGroup, experts,
                            rows, width, hiddenStride, offset, stride, expertStride);
                    default -> throw new IllegalStateException();
                });
            }
            case PORTABLE -> g.task(id, t -> switch (down.data()) {
                case FloatArray a -> t.task(
                        id, ExpertPortable::downF32, hidden, offsets, pairs, a, out, firstGroup, experts,
                        rows, width, hiddenStride, offset, stride, expertStride);
                case HalfFloatArray a -> t.task(
                        id, ExpertPortable::downF16, hidden, offsets, pairs, a, out, firstGroup, experts,
                        rows, width, hiddenStride, offset, stride, expertStride);
                case BFloat16Array a -> t.task(
                        id, ExpertPortable::downBf16, hidden, offsets, pairs, a, out, firstGroup, experts,
                        rows, width, hiddenStride, offset, stride, expertStride);
                default -> throw new IllegalStateException();
            });
        }
    }

    /**
     * Least work.
     *
     * @param pairs pairs of row and expert
     * @param experts experts that have pairs
     * @param width inner width of an expert
     * @param rows columns of out
     * @param type format of the weights
     */
    public static OpCost cost(int pairs, int experts, int width, int rows, DataType type) {
        return new OpCost(
                2L * pairs * width * rows,
                (long) experts * width * rows * type.bytes(),
                4L * pairs * ((long) rows + width));
    }
}
