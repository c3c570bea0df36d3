package io.maseparation.kernels;

import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@link Projection} and {@link QkvProjection} with F16 weights, on tensor cores (see {@link TensorTiles}). */
public final class ProjectionTensor {
    private ProjectionTensor() {}

    /**
     * Adds the task; matrices below each other are the rows of the output.
     *
     * @param matrices one, or q, k and v
     * @param bias [rows], of length 1 without
     */
    static void add(
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
        IntArray shape = new IntArray(9);
        List<IntArray> half2s = new ArrayList<>();
        int rows = 0;
        int tiles = 0;
        for (int i = 0; i < 3; i++) {
            WeightMatrix w = matrices.get(Math.min(i, matrices.size() - 1));
            half2s.add(g.half2((HalfFloatArray) w.data()));
            shape.set(3 * i, w.offset());
            shape.set(3 * i + 1, w.rowStride());
            // Where there is only one matrix, the others have no rows.
            int own = i < matrices.size() ? w.rows() : 0;
            shape.set(3 * i + 2, own);
            rows += own;
            tiles += Math.ceilDiv(own, TensorTiles.ROWS);
        }
        int splits = TensorTiles.splits(rows, cols);
        int groups = TensorTiles.groups(tiles * TensorTiles.ROWS, splits, 1);
        g.constant(bias, shape);
        g.needScratch(TensorTiles.scratch(groups));
        KernelContext context = new KernelContext();
        g.task(id, Workers.groups(groups, TensorTiles.GROUP), t -> t.task(
                id, ProjectionTensor::project, context, step, x, half2s.get(0), half2s.get(1), half2s.get(2), bias, out,
                g.scratch(), shape, cols, scale, clip, flags, splits));
    }

    /**
     * Up to three matrices, one below the other.
     *
     * @param shape three times offset, row stride and rows of a matrix
     * @param flags 1 bias, 2 add to what {@code out} holds
     * @param splits warps that share a row
     */
    public static void project(
            KernelContext context,
            IntArray step,
            FloatArray x,
            IntArray half2q,
            IntArray half2k,
            IntArray half2v,
            FloatArray bias,
            FloatArray out,
            FloatArray scratch,
            IntArray shape,
            int cols,
            float scale,
            float clip,
            int flags,
            int splits) {
        int[] weights = context.allocateIntLocalArray(4352);
        HalfFloat[] xs = context.allocateHalfFloatLocalArray(12288);
        int tid = context.localIdx;
        int warp = tid / 32;
        int split = warp % splits;
        int rowTiles = 8 / splits;
        int tile = context.groupIdx * rowTiles + warp / splits;
        int weightsAt = warp * 544;
        int xsAt = split * 3072;
        int total = shape.get(2) + shape.get(5) + shape.get(8);
        int end = step.get(0) + step.get(1);
        int rounds = (cols + 64 * splits - 1) / (64 * splits);
        int scratchAt = (context.groupIdx * 8 + warp) * 96;
        for (int row = step.get(0); row < end; row += 24) {
            int count = TornadoMath.min(24, end - row);
            // Each branch stores its sums: what branches that end in loops leave behind must not meet (see DeviceDots).
            if (count <= 4) {
                float[] s0 = context.mmaFragment(0f);
                for (int round = 0; round < rounds; round++) {
                    int column = (round * splits + split) * 64;
                    context.localBarrier();
                    stageWeights(half2q, half2k, half2v, shape, tile, column, cols, weights, weightsAt, tid);
                    stageX(x, row, count, 1, column, cols, xs, xsAt, rowTiles, warp / splits * 32 + tid % 32);
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
                    stageWeights(half2q, half2k, half2v, shape, tile, column, cols, weights, weightsAt, tid);
                    stageX(x, row, count, 6, column, cols, xs, xsAt, rowTiles, warp / splits * 32 + tid % 32);
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
            for (int i = tid; i < rowTiles * 16 * count; i += 256) {
                int local = i / (16 * count);
                int r = i % 16;
                int t = i / 16 % count;
                int at = rowOf(shape, context.groupIdx * rowTiles + local, r);
                if (at >= 0) {
                    float v = TensorTiles.sum(scratch, context.groupIdx * 8 + local * splits, splits, r, t);
                    if ((flags & 1) != 0) {
                        v += bias.get(at);
                    }
                    v = DeviceDots.clip(v * scale, clip);
                    int to = (row + t) * total + at;
                    if ((flags & 2) != 0) {
                        v += out.get(to);
                    }
                    out.set(to, v);
                }
            }
        }
    }

    /** Row {@code r} of a tile among the rows of all three matrices, or -1 beyond its matrix. */
    private static int rowOf(IntArray shape, int tile, int r) {
        int qRows = shape.get(2);
        int kRows = shape.get(5);
        int vRows = shape.get(8);
        int qTiles = (qRows + 15) / 16;
        int kTiles = (kRows + 15) / 16;
        int q = tile * 16 + r;
        int k = (tile - qTiles) * 16 + r;
        int v = (tile - qTiles - kTiles) * 16 + r;
        int row = -1;
        if (tile < qTiles && q < qRows) {
            row = q;
        }
        if (tile >= qTiles && tile < qTiles + kTiles && k < kRows) {
            row = qRows + k;
        }
        if (tile >= qTiles + kTiles && v < vRows) {
            row = qRows + kRows + v;
        }
        return row;
    }

    private static void stageWeights(
            IntArray half2q,
            IntArray half2k,
            IntArray half2v,
            IntArray shape,
            int tile,
            int column,
            int cols,
            int[] weights,
            int weightsAt,
            int tid) {
        int lane = tid % 32;
        // Columns beyond the last meet an x of 0.
        int pair = TornadoMath.min(column / 2 + lane, cols / 2 - 1);
        int q = tile * 16;
        int qTiles = (shape.get(2) + 15) / 16;
        int k = q - qTiles * 16;
        int kTiles = (shape.get(5) + 15) / 16;
        int v = k - kTiles * 16;
        if (q < shape.get(2)) {
            TensorTiles.stageWeights(
                    half2q, shape.get(0) + q * shape.get(1), shape.get(1), shape.get(2) - q, pair, weights, weightsAt,
                    lane);
        }
        if (k >= 0 && k < shape.get(5)) {
            TensorTiles.stageWeights(
                    half2k, shape.get(3) + k * shape.get(4), shape.get(4), shape.get(5) - k, pair, weights, weightsAt,
                    lane);
        }
        if (v >= 0 && v < shape.get(8)) {
            TensorTiles.stageWeights(
                    half2v, shape.get(6) + v * shape.get(7), shape.get(7), shape.get(8) - v, pair, weights, weightsAt,
                    lane);
        }
    }

    private static void stageX(
            FloatArray x,
            int row,
            int count,
            int tiles,
            int column,
            int cols,
            HalfFloat[] xs,
            int xsAt,
            int rowTiles,
            int thread) {
        for (int i = thread; i < tiles * 256; i += rowTiles * 32) {
            int t = i / 256 * 4 + i % 4;
            int k = i / 4 % 64;
            float v = 0f;
            if (t < count && column + k < cols) {
                v = x.get((row + t) * cols + column + k);
            }
            TensorTiles.stageX(v, xs, xsAt + i / 256 * 512, i % 4, k);
        }
    }
}
