package io.maseparation.kernels.graph;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.ExpertTensor;
import io.maseparation.kernels.gpu.ProjectionTensor;
import io.maseparation.kernels.gpu.TensorTiles;
import io.maseparation.kernels.gpu.WorkerGrids;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Adds the tasks whose gpu bodies multiply fp16 weights on tensor cores, and says which matrices they take. */
final class TensorTasks {
    private TensorTasks() {}

    /**
     * Whether tensor cores can multiply a matrix here: fp16, 16 rows and more, whole pairs of elements.
     *
     * @param strides further distances within the array
     */
    static boolean suits(KernelTarget target, WeightMatrix w, int... strides) {
        return target.tensorCores()
                && target.choose().body() == Body.GPU
                && w.type() == DataType.F16
                && w.cols() > 0
                && w.rows() >= TensorTiles.ROWS
                && w.offset() % 2 == 0
                && w.cols() % 2 == 0
                && w.rowStride() % 2 == 0
                && IntStream.of(strides).allMatch(s -> s % 2 == 0);
    }

    /**
     * Adds the task of {@link Projection} or {@link QkvProjection}; matrices below each other are the rows of the output.
     *
     * @param matrices one, or q, k and v, of one row stride
     * @param bias [rows], of length 1 without
     */
    static void addProjection(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray x,
            List<WeightMatrix> matrices,
            FloatArray bias,
            FloatArray out,
            int cols,
            float scale,
            float clip,
            int flags) {
        IntArray shape = DeviceArrays.ints(6);
        List<IntArray> half2s = new ArrayList<>();
        int rows = 0;
        int tiles = 0;
        for (int i = 0; i < 3; i++) {
            WeightMatrix w = matrices.get(Math.min(i, matrices.size() - 1));
            half2s.add(g.half2((HalfFloatArray) w.data()));
            shape.set(i, w.offset());
            // Where there is only one matrix, the others have no rows.
            int own = i < matrices.size() ? w.rows() : 0;
            shape.set(3 + i, own);
            rows += own;
            tiles += Math.ceilDiv(own, TensorTiles.ROWS);
        }
        int splits = TensorTiles.splits(rows, cols, 16384, ProjectionTensor.SPLITS);
        int groups = TensorTiles.groups(tiles * TensorTiles.ROWS, ProjectionTensor.WARPS / splits);
        g.constant(bias, shape);
        g.needScratch(TensorTiles.scratch(groups * ProjectionTensor.WARPS));
        int stride = matrices.getFirst().rowStride();
        KernelContext context = new KernelContext();
        g.task(id, WorkerGrids.groups(groups, ProjectionTensor.WARPS * WorkerGrids.WARP), t -> t.task(
                id, ProjectionTensor::project, context, step, x, half2s.get(0), half2s.get(1), half2s.get(2), bias, out,
                g.scratch(), shape, cols, stride, scale, clip, flags, splits));
    }

    /** Adds the task of {@link ExpertUp}. */
    static void addExpertUp(
            KernelGraph g,
            String id,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            FloatArray hidden,
            int hiddenStride,
            int slots,
            int mode) {
        WeightMatrix up = bank.first().up();
        WeightMatrix gate = bank.first().gated() ? bank.first().gate() : up;
        IntArray shape = DeviceArrays.copyOf(
                gate.offset(), bank.first().gated() ? bank.gateStride() : 0, up.offset(), bank.upStride());
        addExperts(g, id, x, offsets, pairs, bank, gate, up, hidden, shape, up.cols(), hiddenStride, slots, mode);
    }

    /** Adds the task of {@link ExpertDown}. */
    static void addExpertDown(
            KernelGraph g,
            String id,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            FloatArray out,
            int hiddenStride) {
        WeightMatrix down = bank.first().down();
        IntArray shape = DeviceArrays.copyOf(0, 0, down.offset(), bank.downStride());
        addExperts(g, id, hidden, offsets, pairs, bank, down, down, out, shape, hiddenStride, down.rows(), 1,
                ExpertTensor.DOWN);
    }

    private static void addExperts(
            KernelGraph g,
            String id,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            WeightMatrix gate,
            WeightMatrix up,
            FloatArray out,
            IntArray shape,
            int xStride,
            int outStride,
            int slots,
            int mode) {
        IntArray half2gate = g.half2((HalfFloatArray) gate.data());
        IntArray half2up = g.half2((HalfFloatArray) up.data());
        int firstGroup = bank.firstGroup();
        int rows = up.rows();
        int cols = up.cols();
        int stride = up.rowStride();
        int splits = TensorTiles.splits(rows, cols, 8192, ExpertTensor.SPLITS);
        int groups = Math.multiplyExact(bank.count(),
                TensorTiles.groups(rows, ExpertTensor.WARPS / splits / (1 + (mode >> 3 & 1))));
        g.constant(shape);
        g.needScratch(TensorTiles.scratch(groups * ExpertTensor.WARPS));
        KernelContext context = new KernelContext();
        g.task(id, WorkerGrids.groups(groups, ExpertTensor.WARPS * WorkerGrids.WARP), t -> t.task(
                id, ExpertTensor::multiply, context, x, offsets, pairs, half2gate, half2up, out, g.scratch(), shape,
                firstGroup, rows, cols, stride, xStride, outStride, slots, mode, splits));
    }
}
