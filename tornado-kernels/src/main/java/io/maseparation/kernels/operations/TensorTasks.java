package io.maseparation.kernels.operations;

import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.gpu.ExpertTensor;
import io.maseparation.kernels.gpu.ManyRowsTensor;
import io.maseparation.kernels.gpu.MiddleRowsTensor;
import io.maseparation.kernels.gpu.PackTensor;
import io.maseparation.kernels.gpu.ProjectionTensor;
import io.maseparation.kernels.gpu.TensorTiles;
import io.maseparation.kernels.gpu.WorkerGrids;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Adds the tasks whose gpu bodies multiply fp16 weights on tensor cores, and says which matrices they take. */
final class TensorTasks {
    /** Tiles of x for which the bodies for few rows are at least as fast as {@link ManyRowsTensor}. */
    private static final int FEW = 8;

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
     * Adds the task of {@link Projection} or {@link QkvProjection}; matrices below each other are the rows of
     * the output.
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
        IntArray shape = DeviceArrays.ints(ProjectionTensor.SHAPE);
        shape.set(ProjectionTensor.COLS, cols);
        List<IntArray> half2s = new ArrayList<>();
        int tiles = 0;
        for (int i = 0; i < 3; i++) {
            WeightMatrix w = matrices.get(Math.min(i, matrices.size() - 1));
            half2s.add(g.half2((HalfFloatArray) w.data()));
            shape.set(ProjectionTensor.OFFSETS + i, w.offset());
            // Where there is only one matrix, the others have no rows.
            int own = i < matrices.size() ? w.rows() : 0;
            shape.set(ProjectionTensor.ROWS + i, own);
            tiles += TensorTiles.tiles(own);
        }
        int all = Math.ceilDiv(tiles, TensorTiles.WARPS) * TensorTiles.WARPS;
        int splits = TensorTiles.splits(all / TensorTiles.WARPS, cols, 250);
        int padded = TensorTiles.padded(cols, splits);
        boolean f16 = g.target().f16Activations();
        int xShift = xShift(f16);
        int rows = x.getSize() / cols;
        int xTiles = Math.ceilDiv(rows, 1 << xShift);
        int parts = parts(rows);
        int stride = matrices.getFirst().rowStride();
        boolean many = xTiles > FEW && matrices.stream().allMatch(w -> w.rows() % ManyRowsTensor.ROWS == 0);
        int chunks = Math.ceilDiv(padded, PackTensor.COLUMNS);
        shape.set(ProjectionTensor.MOST_ROWS, many ? FEW << xShift : rows);
        shape.set(ProjectionTensor.PADDED, padded);
        shape.set(ProjectionTensor.CHUNKS, chunks);
        shape.set(ProjectionTensor.TILES, all);
        shape.set(ProjectionTensor.SPLITS, splits);
        shape.set(ProjectionTensor.PARTS, parts);
        g.constant(bias, shape);
        g.needPacked(TensorTiles.packed(xTiles, padded));
        g.needScratch(TensorTiles.scratch(xTiles, splits, all));
        KernelGraph.Packed packed = new KernelGraph.Packed(x, step, padded, 0);
        if (!g.isPacked(packed)) {
            WorkerGrid packers = WorkerGrids.groups(xTiles * chunks, PackTensor.GROUP);
            if (f16) {
                g.firstTask(id + "_x", packers, t -> t.task(
                        id + "_x", PackTensor::rowsF16, g.context(), step, x, g.packed(), shape));
            } else {
                g.firstTask(id + "_x", packers, t -> t.task(
                        id + "_x", PackTensor::rows, g.context(), step, x, g.packed(), shape));
            }
        }
        int groups = Math.multiplyExact(all / TensorTiles.WARPS, splits * parts);
        WorkerGrid multipliers = WorkerGrids.groups(groups, TensorTiles.WARPS * WorkerGrids.WARP);
        if (f16) {
            g.firstTask(id, multipliers, t -> t.task(
                    id, ProjectionTensor::multiplyF16, g.context(), step, g.packed(), half2s.get(0), half2s.get(1),
                    half2s.get(2), g.scratch(), shape, stride));
        } else {
            g.firstTask(id, multipliers, t -> t.task(
                    id, ProjectionTensor::multiply, g.context(), step, g.packed(), half2s.get(0), half2s.get(1),
                    half2s.get(2), g.scratch(), shape, stride));
        }
        if (many) {
            IntArray manyShape = manyShape(xShift);
            int begin = 0;
            for (int i = 0; i < matrices.size(); i++) {
                manyShape.set(ManyRowsTensor.OFFSETS + i, matrices.get(i).offset());
                if (i > 0) {
                    manyShape.set(ManyRowsTensor.BEGINS + i - 1, begin);
                }
                begin += matrices.get(i).rows() / ManyRowsTensor.ROWS;
            }
            addMany(g, id, step, half2s, manyShape, 1, cols, padded, stride, all, splits,
                    manyParts(xTiles, 16));
        }
        g.task(id + "_sum", WorkerGrids.elements(Math.ceilDiv(rows, 4L) * all * TensorTiles.ROWS), t -> t.task(
                id + "_sum", ProjectionTensor::sum, g.context(), step, g.scratch(), bias, out, shape, all, scale, clip,
                flags,
                splits, xShift));
        g.nowPacked(packed);
    }

    /** What {@link ManyRowsTensor} must know, less where matrices are. */
    private static IntArray manyShape(int xShift) {
        IntArray shape = DeviceArrays.ints(ManyRowsTensor.SHAPE);
        shape.set(ManyRowsTensor.BEGINS, Integer.MAX_VALUE);
        shape.set(ManyRowsTensor.BEGINS + 1, Integer.MAX_VALUE);
        shape.set(ManyRowsTensor.FEW, FEW);
        shape.set(ManyRowsTensor.X_SHIFT, xShift);
        return shape;
    }

    /** Number of work-groups of {@link ManyRowsTensor} that share the passes over {@code xTiles} tiles of x. */
    private static int manyParts(int xTiles, int most) {
        return Math.clamp(Math.ceilDiv(xTiles, ManyRowsTensor.PASS), 1, most);
    }

    private static void addMany(
            KernelGraph g,
            String id,
            IntArray counts,
            List<IntArray> half2s,
            IntArray shape,
            int experts,
            int cols,
            int padded,
            int stride,
            int tiles,
            int splits,
            int parts) {
        shape.set(ManyRowsTensor.COLS, cols);
        shape.set(ManyRowsTensor.PADDED, padded);
        shape.set(ManyRowsTensor.TILES, tiles);
        shape.set(ManyRowsTensor.SPLITS, splits);
        shape.set(ManyRowsTensor.PARTS, parts);
        g.constant(shape);
        int groups = Math.multiplyExact(experts, tiles / TensorTiles.WARPS * splits * parts);
        WorkerGrid workers = WorkerGrids.groups(groups, TensorTiles.WARPS * WorkerGrids.WARP);
        g.firstTask(id + "_many", workers, t -> t.task(
                id + "_many", ManyRowsTensor::multiply, g.context(), counts, g.packed(), half2s.get(0), half2s.get(1),
                half2s.get(2), g.scratch(), shape, stride));
    }

    /** Logarithm of a tile's rows of x. */
    private static int xShift(boolean f16) {
        return f16 ? 3 : 2;
    }

    /** Number of work-groups that share the passes over the rows of x. */
    private static int parts(int rows) {
        return Math.clamp(Math.ceilDiv(rows, TensorTiles.PASS), 1, 8);
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
        WeightMatrix gate = bank.first().gateOrUp();
        IntArray shape =
                expertShape(gate.offset(), bank.first().gated() ? bank.gateStride() : 0, up.offset(), bank.upStride());
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
        IntArray shape = expertShape(0, 0, down.offset(), bank.downStride());
        addExperts(g, id, hidden, offsets, pairs, bank, down, down, out, shape, hiddenStride, down.rows(), 0,
                ExpertTensor.DOWN);
    }

    private static IntArray expertShape(int gateOffset, int gateStride, int upOffset, int upStride) {
        IntArray shape = DeviceArrays.ints(ExpertTensor.SHAPE);
        shape.set(0, gateOffset);
        shape.set(1, gateStride);
        shape.set(2, upOffset);
        shape.set(3, upStride);
        return shape;
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
        int matrices = 1 + (mode >> 3 & 1);
        int tiles = Math.ceilDiv(matrices * TensorTiles.tiles(rows), TensorTiles.WARPS) * TensorTiles.WARPS;
        int splits = TensorTiles.splits(tiles / TensorTiles.WARPS, cols, 128);
        int padded = TensorTiles.padded(cols, splits);
        int allGroups = g.groups(offsets);
        boolean f16 = g.target().f16Activations();
        int xShift = xShift(f16);
        int xTiles = (pairs.getSize() >> xShift) + allGroups + 1;
        int bankTiles = (pairs.getSize() >> xShift) + bank.count() + 1;
        int experts = bank.count();
        boolean many = pairs.getSize() > FEW << xShift && rows % ManyRowsTensor.ROWS == 0;
        int few = ExpertTensor.PASS << xShift;
        boolean middle = pairs.getSize() > few;
        int notMany = many ? FEW << xShift : pairs.getSize();
        int chunks = Math.ceilDiv(padded, PackTensor.COLUMNS);
        shape.set(ExpertTensor.COLS, cols);
        shape.set(ExpertTensor.MOST_ROWS, few);
        shape.set(ExpertTensor.MIDDLE_ROWS, notMany);
        shape.set(ExpertTensor.GROUPS, allGroups);
        shape.set(ExpertTensor.X_STRIDE, xStride);
        shape.set(ExpertTensor.PADDED, padded);
        shape.set(ExpertTensor.SLOTS, slots);
        shape.set(ExpertTensor.CHUNKS, chunks);
        shape.set(ExpertTensor.X_SHIFT, xShift);
        g.constant(shape);
        g.needPacked(TensorTiles.packed(xTiles, padded));
        g.needScratch(TensorTiles.scratch(xTiles, splits, tiles));
        KernelGraph.Packed packed = new KernelGraph.Packed(x, offsets, padded, slots);
        if (!g.isPacked(packed)) {
            WorkerGrid packers = WorkerGrids.groups(xTiles * chunks, PackTensor.GROUP);
            if (f16) {
                g.firstTask(id + "_x", packers, t -> t.task(
                        id + "_x", PackTensor::pairsF16, g.context(), x, offsets, pairs, g.packed(), shape));
            } else {
                g.firstTask(id + "_x", packers, t -> t.task(
                        id + "_x", PackTensor::pairs, g.context(), x, offsets, pairs, g.packed(), shape));
            }
        }
        WorkerGrid multipliers = WorkerGrids.groups(
                Math.multiplyExact(experts, tiles / TensorTiles.WARPS * splits),
                TensorTiles.WARPS * WorkerGrids.WARP);
        g.firstTask(id, multipliers, t -> t.task(
                id, ExpertTensor::multiply, g.context(), offsets, g.packed(), half2gate, half2up, g.scratch(), shape,
                firstGroup, rows, cols, padded, stride, tiles, matrices, splits));
        if (middle) {
            g.firstTask(id + "_middle", multipliers, t -> t.task(
                    id + "_middle", MiddleRowsTensor::multiply, g.context(), offsets, g.packed(), half2gate, half2up,
                    g.scratch(), shape, firstGroup, rows, cols, padded, stride, tiles, matrices, splits));
        }
        if (many) {
            IntArray manyShape = manyShape(xShift);
            if (matrices == 2) {
                manyShape.set(ManyRowsTensor.OFFSETS, shape.get(0));
                manyShape.set(ManyRowsTensor.STRIDES, shape.get(1));
                manyShape.set(ManyRowsTensor.BEGINS, rows / ManyRowsTensor.ROWS);
            }
            manyShape.set(ManyRowsTensor.OFFSETS + matrices - 1, shape.get(2));
            manyShape.set(ManyRowsTensor.STRIDES + matrices - 1, shape.get(3));
            manyShape.set(ManyRowsTensor.FIRST_GROUP, firstGroup);
            manyShape.set(ManyRowsTensor.FIRST_GROUP + 1, 1);
            List<IntArray> half2s = List.of(half2gate, half2up, half2up);
            addMany(g, id, offsets, half2s, manyShape, experts, cols, padded, stride, tiles, splits,
                    manyParts(pairs.getSize() >> xShift, 2));
        }
        g.task(id + "_sum", WorkerGrids.groups(Math.multiplyExact(bankTiles, Math.ceilDiv(rows, 256)), 256),
                t -> t.task(
                        id + "_sum", ExpertTensor::sum, g.context(), offsets, pairs, g.scratch(), out, firstGroup,
                        experts,
                        rows, tiles, outStride, mode, splits, xShift));
        g.nowPacked(packed);
    }
}
