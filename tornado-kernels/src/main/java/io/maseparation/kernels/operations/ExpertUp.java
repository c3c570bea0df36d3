package io.maseparation.kernels.operations;

import io.maseparation.kernels.Activation;
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
 * First half of the experts' feed-forward, for the pairs of row and expert that {@link Dispatch} grouped:
 * {@code hidden[p,:] = act(gate · x[row]) * (up · x[row])}, or {@code act(up · x[row])} of experts without a gate, for
 * {@code row = pairs[p] / slots}. An expert's weights are read once for all of its rows, and not at all without any.
 */
public final class ExpertUp {
    private static final int GATED = 8;

    private ExpertUp() {}

    /**
     * Adds the task. Declares the weights as constants of the graph.
     *
     * @param x [rows, up.cols]
     * @param offsets [groups + 1]: where each group's pairs begin
     * @param pairs row · slots + slot, by group
     * @param bank the experts
     * @param hidden [pairs, hiddenStride]; columns beyond the experts' width are left alone
     * @param hiddenStride elements between rows of {@code hidden}
     * @param slots slots of a row
     * @param activation of the gate, or of up
     * @throws IllegalArgumentException if a shape does not fit, or the device cannot read the weights
     */
    public static void add(
            KernelGraph g,
            String id,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            FloatArray hidden,
            int hiddenStride,
            int slots,
            Activation activation) {
        WeightMatrix up = bank.first().up();
        boolean gated = bank.first().gated();
        WeightMatrix gate = bank.first().gateOrUp();
        WeightChecks.require(g, "ExpertUp", "up", up, up.cols());
        WeightChecks.require(g, "ExpertUp", "gate", gate, up.cols());
        WeightChecks.sameType("ExpertUp", "gate", gate, up);
        Require.length("ExpertUp", "x", x, up.cols());
        Require.length("ExpertUp", "offsets", offsets, bank.firstGroup() + bank.count() + 1L);
        Require.length("ExpertUp", "pairs", pairs, 0);
        Require.atLeast("ExpertUp", "hiddenStride", hiddenStride, up.rows());
        Require.length("ExpertUp", "hidden", hidden, 0);
        Require.atLeast("ExpertUp", "slots", slots, 1);
        if (up.rows() == 0) {
            return;
        }
        int firstGroup = bank.firstGroup();
        int experts = bank.count();
        int width = up.rows();
        int cols = up.cols();
        int mode = activation.code() | (gated ? GATED : 0);
        int gateOffset = gate.offset();
        int gateStride = gate.rowStride();
        int gateExpert = gated ? bank.gateStride() : bank.upStride();
        int upOffset = up.offset();
        int upStride = up.rowStride();
        int upExpert = bank.upStride();
        if (TensorTasks.suits(g.target(), up, upExpert)
                && TensorTasks.suits(g.target(), gate, gateExpert)
                && gateStride == upStride) {
            TensorTasks.addExpertUp(g, id, x, offsets, pairs, bank, hidden, hiddenStride, slots, mode);
            return;
        }
        g.constant(gate.data(), up.data());
        switch (g.target().choose().body()) {
            case HOST -> g.task(id, t -> t.task(
                    id, ExpertHost::up, x, offsets, pairs, gate.data(), up.data(), hidden, firstGroup, experts,
                    width, cols, hiddenStride, slots, mode, gateOffset, gateStride, gateExpert, upOffset, upStride,
                    upExpert));
            case GPU -> {
                int warps = Math.multiplyExact(experts, width);
                WorkerGrid workers = WorkerGrids.groups(
                        Math.ceilDiv(warps, ProjectionGpu.GROUP / WorkerGrids.WARP), ProjectionGpu.GROUP);
                g.task(id, workers, t -> switch (up.data()) {
                    case FloatArray a -> t.task(
                            id, ExpertGpu::upF32, g.context(), x, offsets, pairs, (FloatArray) gate.data(), a, hidden,
                            firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                            gateExpert, upOffset, upStride, upExpert);
                    case HalfFloatArray a -> t.task(
                            id, ExpertGpu::upF16, g.context(), x, offsets, pairs, (HalfFloatArray) gate.data(), a,
                            hidden,
                            firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                            gateExpert, upOffset, upStride, upExpert);
                    case BFloat16Array a -> t.task(
                            id, ExpertGpu::upBf16, g.context(), x, offsets, pairs, (BFloat16Array) gate.data(), a,
                            hidden,
                            firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                            gateExpert, upOffset, upStride, upExpert);
                    default -> throw new IllegalStateException();
                });
            }
            case PORTABLE -> g.task(id, t -> switch (up.data()) {
                case FloatArray a -> t.task(
                        id, ExpertPortable::upF32, x, offsets, pairs, (FloatArray) gate.data(), a, hidden,
                        firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                        gateExpert, upOffset, upStride, upExpert);
                case HalfFloatArray a -> t.task(
                        id, ExpertPortable::upF16, x, offsets, pairs, (HalfFloatArray) gate.data(), a, hidden,
                        firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                        gateExpert, upOffset, upStride, upExpert);
                case BFloat16Array a -> t.task(
                        id, ExpertPortable::upBf16, x, offsets, pairs, (BFloat16Array) gate.data(), a, hidden,
                        firstGroup, experts, width, cols, hiddenStride, slots, mode, gateOffset, gateStride,
                        gateExpert, upOffset, upStride, upExpert);
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
     * @param cols columns of x
     * @param gated whether experts have a gate
     * @param type format of the weights
     */
    public static OpCost cost(int pairs, int experts, int width, int cols, boolean gated, DataType type) {
        long matrices = gated ? 2 : 1;
        return new OpCost(
                2L * pairs * width * cols * matrices,
                matrices * experts * width * cols * type.bytes(),
                4L * pairs * ((long) cols + width));
    }
}
