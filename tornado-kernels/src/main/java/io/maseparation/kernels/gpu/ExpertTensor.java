package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code ExpertUp} and {@code ExpertDown} with F16 weights, on tensor cores (see {@link TensorTiles}). */
public final class ExpertTensor {
    /** In {@code mode}: rows of x by pair, results by row and slot. */
    public static final int DOWN = 16;

    /** Warps of a work-group, and the most that share a row. */
    public static final int WARPS = 8;

    public static final int SPLITS = 2;

    private ExpertTensor() {}

    /**
     * Both halves: {@code out[p,:] = act(gate · x[row]) * (up · x[row])} with {@code row = pairs[p] / slots}, or with
     * {@link #DOWN} {@code out[pairs[p],:] = up · x[p]}. A gate's tiles of rows alternate with those of up.
     *
     * @param shape offset of the first expert and distance of the others, of gate and of up
     * @param stride elements between rows of gate and of up
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
            int stride,
            int xStride,
            int outStride,
            int slots,
            int mode,
            int splits) {
        int[] weights = context.allocateIntLocalArray(WARPS * 544);
        HalfFloat[] xs = context.allocateHalfFloatLocalArray(SPLITS * 3088);
        int tid = context.localIdx;
        int lane = tid % 32;
        int warp = tid / 32;
        int split = warp % splits;
        int rowTiles = WARPS / splits;
        int threads = rowTiles * 32;
        // A gate has every other tile.
        int matrices = 1 + (mode >> 3 & 1);
        int tiles = rowTiles / matrices;
        int groups = ((rows + 15) / 16 + tiles - 1) / tiles;
        int expert = context.groupIdx / groups;
        int firstTile = context.groupIdx % groups * tiles;
        int isUp = warp / splits % matrices;
        int r0 = TensorTiles.firstRow(firstTile + warp / splits / matrices, rows);
        int matrixAt = shape.get(0) + expert * shape.get(1);
        if (isUp == matrices - 1) {
            matrixAt = shape.get(2) + expert * shape.get(3);
        }
        int first = (matrixAt + r0 * stride) / 2;
        int last = first + cols / 2 - 1;
        int thread = warp / splits * 32 + lane;
        int pairStride = stride / 2;
        int weightsOf = warp * 544;
        int xsOf = split * 3088;
        int rounds = (cols + 64 * splits - 1) / (64 * splits);
        int scratchAt = (context.groupIdx * WARPS + warp) * 96;
        int end = offsets.get(firstGroup + expert + 1);
        for (int p = offsets.get(firstGroup + expert); p < end; p += 24) {
            int count = TornadoMath.min(24, end - p);
            // Elements of whole tiles of 4 rows, a round; not a constant, so that loops over them stay loops.
            int elements = (count + 3) / 4 * 256;
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (count <= 8) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                int column = split * 64;
                int position = first + split * 32 + lane;
                for (int round = 0; round < rounds; round++) {
                    int weightsAt = weightsOf + (round & 1) * 4;
                    int xsAt = xsOf + (round & 1) * 8;
                    context.localBarrier();
                    // Columns beyond the last meet an x of 0, and tiles beyond the last row are not stored.
                    int pair = TornadoMath.min(position, last);
                    int to = weightsAt + TensorTiles.weightsAt(lane);
                    if (isUp == matrices - 1) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2up.get(pair + r * pairStride);
                            int w1 = half2up.get(pair + (r + 1) * pairStride);
                            int w2 = half2up.get(pair + (r + 2) * pairStride);
                            int w3 = half2up.get(pair + (r + 3) * pairStride);
                            int w4 = half2up.get(pair + (r + 4) * pairStride);
                            int w5 = half2up.get(pair + (r + 5) * pairStride);
                            int w6 = half2up.get(pair + (r + 6) * pairStride);
                            int w7 = half2up.get(pair + (r + 7) * pairStride);
                            weights[to + r * 8] = w0;
                            weights[to + (r + 1) * 8] = w1;
                            weights[to + (r + 2) * 8] = w2;
                            weights[to + (r + 3) * 8] = w3;
                            weights[to + (r + 4) * 8] = w4;
                            weights[to + (r + 5) * 8] = w5;
                            weights[to + (r + 6) * 8] = w6;
                            weights[to + (r + 7) * 8] = w7;
                        }
                    } else {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2gate.get(pair + r * pairStride);
                            int w1 = half2gate.get(pair + (r + 1) * pairStride);
                            int w2 = half2gate.get(pair + (r + 2) * pairStride);
                            int w3 = half2gate.get(pair + (r + 3) * pairStride);
                            int w4 = half2gate.get(pair + (r + 4) * pairStride);
                            int w5 = half2gate.get(pair + (r + 5) * pairStride);
                            int w6 = half2gate.get(pair + (r + 6) * pairStride);
                            int w7 = half2gate.get(pair + (r + 7) * pairStride);
                            weights[to + r * 8] = w0;
                            weights[to + (r + 1) * 8] = w1;
                            weights[to + (r + 2) * 8] = w2;
                            weights[to + (r + 3) * 8] = w3;
                            weights[to + (r + 4) * 8] = w4;
                            weights[to + (r + 5) * 8] = w5;
                            weights[to + (r + 6) * 8] = w6;
                            weights[to + (r + 7) * 8] = w7;
                        }
                    }
                    for (int i = thread; i < elements; i += 4 * threads) {
                        // Four loads before the first store.
                        float v0 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i);
                        float v1 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + threads);
                        float v2 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + 2 * threads);
                        float v3 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + 3 * threads);
                        int x0 = xsAt + TensorTiles.xAt(i);
                        float near0 = TensorTiles.rounded(v0);
                        xs[x0] = new HalfFloat(near0);
                        xs[x0 + 4] = new HalfFloat(TensorTiles.rest(v0, near0));
                        if (i + threads < elements) {
                            int x1 = xsAt + TensorTiles.xAt(i + threads);
                            float near1 = TensorTiles.rounded(v1);
                            xs[x1] = new HalfFloat(near1);
                            xs[x1 + 4] = new HalfFloat(TensorTiles.rest(v1, near1));
                        }
                        if (i + 2 * threads < elements) {
                            int x2 = xsAt + TensorTiles.xAt(i + 2 * threads);
                            float near2 = TensorTiles.rounded(v2);
                            xs[x2] = new HalfFloat(near2);
                            xs[x2 + 4] = new HalfFloat(TensorTiles.rest(v2, near2));
                        }
                        if (i + 3 * threads < elements) {
                            int x3 = xsAt + TensorTiles.xAt(i + 3 * threads);
                            float near3 = TensorTiles.rounded(v3);
                            xs[x3] = new HalfFloat(near3);
                            xs[x3 + 4] = new HalfFloat(TensorTiles.rest(v3, near3));
                        }
                    }
                    context.localBarrier();
                    int a = weightsAt * 4;
                    int b = xsAt * 2;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    column += 64 * splits;
                    position += 32 * splits;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + 16, 0, 8);
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                float[] s4 = context.mmaFragment(0f);
                float[] s5 = context.mmaFragment(0f);
                int column = split * 64;
                int position = first + split * 32 + lane;
                for (int round = 0; round < rounds; round++) {
                    int weightsAt = weightsOf + (round & 1) * 4;
                    int xsAt = xsOf + (round & 1) * 8;
                    context.localBarrier();
                    // Columns beyond the last meet an x of 0, and tiles beyond the last row are not stored.
                    int pair = TornadoMath.min(position, last);
                    int to = weightsAt + TensorTiles.weightsAt(lane);
                    if (isUp == matrices - 1) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2up.get(pair + r * pairStride);
                            int w1 = half2up.get(pair + (r + 1) * pairStride);
                            int w2 = half2up.get(pair + (r + 2) * pairStride);
                            int w3 = half2up.get(pair + (r + 3) * pairStride);
                            int w4 = half2up.get(pair + (r + 4) * pairStride);
                            int w5 = half2up.get(pair + (r + 5) * pairStride);
                            int w6 = half2up.get(pair + (r + 6) * pairStride);
                            int w7 = half2up.get(pair + (r + 7) * pairStride);
                            weights[to + r * 8] = w0;
                            weights[to + (r + 1) * 8] = w1;
                            weights[to + (r + 2) * 8] = w2;
                            weights[to + (r + 3) * 8] = w3;
                            weights[to + (r + 4) * 8] = w4;
                            weights[to + (r + 5) * 8] = w5;
                            weights[to + (r + 6) * 8] = w6;
                            weights[to + (r + 7) * 8] = w7;
                        }
                    } else {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2gate.get(pair + r * pairStride);
                            int w1 = half2gate.get(pair + (r + 1) * pairStride);
                            int w2 = half2gate.get(pair + (r + 2) * pairStride);
                            int w3 = half2gate.get(pair + (r + 3) * pairStride);
                            int w4 = half2gate.get(pair + (r + 4) * pairStride);
                            int w5 = half2gate.get(pair + (r + 5) * pairStride);
                            int w6 = half2gate.get(pair + (r + 6) * pairStride);
                            int w7 = half2gate.get(pair + (r + 7) * pairStride);
                            weights[to + r * 8] = w0;
                            weights[to + (r + 1) * 8] = w1;
                            weights[to + (r + 2) * 8] = w2;
                            weights[to + (r + 3) * 8] = w3;
                            weights[to + (r + 4) * 8] = w4;
                            weights[to + (r + 5) * 8] = w5;
                            weights[to + (r + 6) * 8] = w6;
                            weights[to + (r + 7) * 8] = w7;
                        }
                    }
                    for (int i = thread; i < elements; i += 4 * threads) {
                        // Four loads before the first store.
                        float v0 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i);
                        float v1 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + threads);
                        float v2 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + 2 * threads);
                        float v3 = load(x, pairs, p, count, column, cols, xStride, slots, mode, i + 3 * threads);
                        int x0 = xsAt + TensorTiles.xAt(i);
                        float near0 = TensorTiles.rounded(v0);
                        xs[x0] = new HalfFloat(near0);
                        xs[x0 + 4] = new HalfFloat(TensorTiles.rest(v0, near0));
                        if (i + threads < elements) {
                            int x1 = xsAt + TensorTiles.xAt(i + threads);
                            float near1 = TensorTiles.rounded(v1);
                            xs[x1] = new HalfFloat(near1);
                            xs[x1 + 4] = new HalfFloat(TensorTiles.rest(v1, near1));
                        }
                        if (i + 2 * threads < elements) {
                            int x2 = xsAt + TensorTiles.xAt(i + 2 * threads);
                            float near2 = TensorTiles.rounded(v2);
                            xs[x2] = new HalfFloat(near2);
                            xs[x2 + 4] = new HalfFloat(TensorTiles.rest(v2, near2));
                        }
                        if (i + 3 * threads < elements) {
                            int x3 = xsAt + TensorTiles.xAt(i + 3 * threads);
                            float near3 = TensorTiles.rounded(v3);
                            xs[x3] = new HalfFloat(near3);
                            xs[x3 + 4] = new HalfFloat(TensorTiles.rest(v3, near3));
                        }
                    }
                    context.localBarrier();
                    int a = weightsAt * 4;
                    int b = xsAt * 2;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 544);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                        s4 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 4096), s4, MMAShape.M16N8K16);
                        s5 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, bk + 5120), s5, MMAShape.M16N8K16);
                    }
                    column += 64 * splits;
                    position += 32 * splits;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + 16, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 32, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 48, 0, 8);
                context.mmaStore(s4, scratch, scratchAt + 64, 0, 8);
                context.mmaStore(s5, scratch, scratchAt + 80, 0, 8);
            }
            context.localBarrier();
            for (int i = tid; i < tiles * 16 * count; i += WARPS * 32) {
                int local = i / (16 * count);
                int row = TensorTiles.firstRow(firstTile + local, rows) + i % 16;
                int t = i / 16 % count;
                // Rows that two tiles have are the first one's.
                if (row >= (firstTile + local) * 16) {
                    int from = context.groupIdx * WARPS + local * matrices * splits;
                    float v0 = TensorTiles.sum(scratch, from, splits, i % 16, t);
                    if ((mode & DOWN) != 0) {
                        out.set(pairs.get(p + t) * outStride + row, v0);
                    } else {
                        float v1 = TensorTiles.sum(scratch, from + (matrices - 1) * splits, splits, i % 16, t);
                        out.set((p + t) * outStride + row, DeviceDots.combine(v0, v1, mode & 7, matrices - 1));
                    }
                }
            }
        }
    }

    /** Element {@code i} of a round's x; 0 beyond the rows and columns. */
    private static float load(
            FloatArray x,
            IntArray pairs,
            int p,
            int count,
            int column,
            int cols,
            int xStride,
            int slots,
            int mode,
            int i) {
        int t = TensorTiles.row(i);
        int c = column + TensorTiles.column(i);
        float v = 0f;
        if (t < count && c < cols) {
            int row = p + t;
            if ((mode & DOWN) == 0) {
                row = pairs.get(p + t) / slots;
            }
            v = TensorTiles.clamped(x.get(row * xStride + c));
        }
        return v;
    }
}
