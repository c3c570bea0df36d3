package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@link ExpertUp} and {@link ExpertDown} with F16 weights, on tensor cores (see {@link TensorTiles}). */
public final class ExpertTensor {
    /** In {@code mode}: rows of x by pair, results by row and slot. */
    static final int DOWN = 16;

    private ExpertTensor() {}

    /** Adds the task of {@link ExpertUp#add}. */
    static void addUp(
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
        IntArray shape = IntArray.fromElements(
                gate.offset(), gate.rowStride(), bank.gateStride(), up.offset(), up.rowStride(), bank.upStride());
        add(g, id, x, offsets, pairs, bank, gate, up, hidden, shape, up.cols(), hiddenStride, slots, mode);
    }

    /** Adds the task of {@link ExpertDown#add}. */
    static void addDown(
            KernelGraph g,
            String id,
            FloatArray hidden,
            IntArray offsets,
            IntArray pairs,
            ExpertBank bank,
            FloatArray out,
            int hiddenStride) {
        WeightMatrix down = bank.first().down();
        IntArray shape = IntArray.fromElements(0, 0, 0, down.offset(), down.rowStride(), bank.downStride());
        add(g, id, hidden, offsets, pairs, bank, down, down, out, shape, hiddenStride, down.rows(), 1, DOWN);
    }

    private static void add(
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
        int splits = TensorTiles.splits(rows, cols);
        int groups = Math.multiplyExact(bank.count(), TensorTiles.groups(rows, splits, 1 + (mode >> 3 & 1)));
        g.constant(shape);
        g.needScratch(TensorTiles.scratch(groups));
        KernelContext context = new KernelContext();
        g.task(id, Workers.groups(groups, TensorTiles.GROUP), t -> t.task(
                id, ExpertTensor::multiply, context, x, offsets, pairs, half2gate, half2up, out, g.scratch(), shape,
                firstGroup, rows, cols, xStride, outStride, slots, mode, splits));
    }

    /**
     * Both halves: {@code out[p,:] = act(gate · x[row]) * (up · x[row])} with {@code row = pairs[p] / slots}, or with
     * {@link #DOWN} {@code out[pairs[p],:] = up · x[p]}. A gate's tiles of rows alternate with those of up.
     *
     * @param shape offset, row stride and expert stride of gate and of up
     * @param mode activation, plus 8 for experts with a gate, or {@link #DOWN}
     * @param splits warps that share a row
     */
    public static void multiply(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            IntArray half2gate,
            IntArray half2up,
            FloatArray out,
            FloatArray scratch,
            IntArray shape,
            int firstGroup,
            int rows,
            int cols,
            int xStride,
            int outStride,
            int slots,
            int mode,
            int splits) {
        int[] weights = context.allocateIntLocalArray(4352);
        HalfFloat[] xs = context.allocateHalfFloatLocalArray(12288);
        int tid = context.localIdx;
        int warp = tid / 32;
        int split = warp % splits;
        int rowTiles = 8 / splits;
        // A gate has every other tile.
        int matrices = 1 + (mode >> 3 & 1);
        int tiles = rowTiles / matrices;
        int groups = ((rows + 15) / 16 + tiles - 1) / tiles;
        int expert = context.groupIdx / groups;
        int firstTile = context.groupIdx % groups * tiles;
        int isUp = warp / splits % matrices;
        int r0 = (firstTile + warp / splits / matrices) * 16;
        int weightsAt = warp * 544;
        int xsAt = split * 3072;
        int rounds = (cols + 64 * splits - 1) / (64 * splits);
        int scratchAt = (context.groupIdx * 8 + warp) * 96;
        int end = offsets.get(firstGroup + expert + 1);
        for (int p = offsets.get(firstGroup + expert); p < end; p += 24) {
            int count = TornadoMath.min(24, end - p);
            // Each branch stores its sums: what branches that end in loops leave behind must not meet (see DeviceDots).
            if (count <= 4) {
                float[] s0 = context.mmaFragment(0f);
                for (int round = 0; round < rounds; round++) {
                    int column = (round * splits + split) * 64;
                    context.localBarrier();
                    stageWeights(
                            half2gate, half2up, shape, expert, matrices, isUp, r0, rows, column, cols, weights,
                            weightsAt, tid);
                    stageX(
                            x, pairs, p, count, 1, column, cols, xStride, slots, mode, xs, xsAt, rowTiles,
                            warp / splits * 32 + tid % 32);
                    context.localBarrier();
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, weightsAt * 4 + k * 544);
                        int b = xsAt * 2 + k * 256;
                        s0 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b), s0, MMAShape.M16N8K16);
                    }
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                float[] s4 = context.mmaFragment(0f);
                float[] s5 = context.mmaFragment(0f);
                for (int round = 0; round < rounds; round++) {
                    int column = (round * splits + split) * 64;
                    context.localBarrier();
                    stageWeights(
                            half2gate, half2up, shape, expert, matrices, isUp, r0, rows, column, cols, weights,
                            weightsAt, tid);
                    stageX(
                            x, pairs, p, count, 6, column, cols, xStride, slots, mode, xs, xsAt, rowTiles,
                            warp / splits * 32 + tid % 32);
                    context.localBarrier();
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, weightsAt * 4 + k * 544);
                        int b = xsAt * 2 + k * 256;
                        s0 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + 3072), s3, MMAShape.M16N8K16);
                        s4 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + 4096), s4, MMAShape.M16N8K16);
                        s5 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + 5120), s5, MMAShape.M16N8K16);
                    }
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + 16, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 32, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 48, 0, 8);
                context.mmaStore(s4, scratch, scratchAt + 64, 0, 8);
                context.mmaStore(s5, scratch, scratchAt + 80, 0, 8);
            }
            context.localBarrier();
            for (int i = tid; i < tiles * 16 * count; i += 256) {
                int local = i / (16 * count);
                int row = (firstTile + local) * 16 + i % 16;
                int t = i / 16 % count;
                if (row < rows) {
                    int from = context.groupIdx * 8 + local * matrices * splits;
                    float first = TensorTiles.sum(scratch, from, splits, i % 16, t);
                    if ((mode & 16) != 0) {
                        out.set(pairs.get(p + t) * outStride + row, first);
                    } else {
                        float second = TensorTiles.sum(scratch, from + (matrices - 1) * splits, splits, i % 16, t);
                        out.set((p + t) * outStride + row, DeviceDots.combine(first, second, mode & 7, matrices - 1));
                    }
                }
            }
        }
    }

    private static void stageWeights(
            IntArray half2gate,
            IntArray half2up,
            IntArray shape,
            int expert,
            int matrices,
            int isUp,
            int r0,
            int rows,
            int column,
            int cols,
            int[] weights,
            int weightsAt,
            int tid) {
        int lane = tid % 32;
        // Columns beyond the last meet an x of 0.
        int pair = TornadoMath.min(column / 2 + lane, cols / 2 - 1);
        if (r0 < rows) {
            if (isUp == matrices - 1) {
                TensorTiles.stageWeights(
                        half2up, shape.get(3) + expert * shape.get(5) + r0 * shape.get(4), shape.get(4), rows - r0, pair,
                        weights, weightsAt, lane);
            } else {
                TensorTiles.stageWeights(
                        half2gate, shape.get(0) + expert * shape.get(2) + r0 * shape.get(1), shape.get(1), rows - r0,
                        pair, weights, weightsAt, lane);
            }
        }
    }

    private static void stageX(
            FloatArray x,
            IntArray pairs,
            int p,
            int count,
            int tiles,
            int column,
            int cols,
            int xStride,
            int slots,
            int mode,
            HalfFloat[] xs,
            int xsAt,
            int rowTiles,
            int thread) {
        for (int i = thread; i < tiles * 256; i += rowTiles * 32) {
            int t = i / 256 * 4 + i % 4;
            int k = i / 4 % 64;
            float v = 0f;
            if (t < count && column + k < cols) {
                int row = p + t;
                if ((mode & 16) == 0) {
                    row = pairs.get(p + t) / slots;
                }
                v = x.get(row * xStride + column + k);
            }
            TensorTiles.stageX(v, xs, xsAt + i / 256 * 512, i % 4, k);
        }
    }
}
