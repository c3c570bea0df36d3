package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code Projection} and {@code QkvProjection} with F16 weights, on tensor cores (see {@link TensorTiles}). */
public final class ProjectionTensor {
    /** Warps of a work-group, and the most that share a row. */
    public static final int WARPS = 8;

    public static final int SPLITS = 4;

    private ProjectionTensor() {}

    /**
     * Up to three matrices, one below the other.
     *
     * @param shape offsets of the matrices, then their rows
     * @param stride elements between rows, of all of them
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
            int stride,
            float scale,
            float clip,
            int flags,
            int splits) {
        int[] weights = context.allocateIntLocalArray(WARPS * 544);
        HalfFloat[] xs = context.allocateHalfFloatLocalArray(SPLITS * 3088);
        int tid = context.localIdx;
        int lane = tid % 32;
        int warp = tid / 32;
        int split = warp % splits;
        int rowTiles = WARPS / splits;
        int threads = rowTiles * 32;
        int tile = context.groupIdx * rowTiles + warp / splits;
        int pairStride = stride / 2;
        int weightsOf = warp * 544;
        int xsOf = split * 3088;
        int thread = warp / splits * 32 + lane;
        int total = shape.get(3) + shape.get(4) + shape.get(5);
        int matrix = matrixOf(shape, tile);
        int first = startOf(shape, tile, stride) / 2;
        int last = first + cols / 2 - 1;
        int end = step.get(0) + step.get(1);
        int rounds = (cols + 64 * splits - 1) / (64 * splits);
        int scratchAt = (context.groupIdx * WARPS + warp) * 96;
        for (int row = step.get(0); row < end; row += 24) {
            int count = TornadoMath.min(24, end - row);
            // Elements of whole tiles of 4 rows, a round; not a constant, so that loops over them stay loops.
            int elements = (count + 3) / 4 * 256;
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (count <= 4) {
                float[] s0 = context.mmaFragment(0f);
                int column = split * 64;
                int position = first + split * 32 + lane;
                for (int round = 0; round < rounds; round++) {
                    int weightsAt = weightsOf + (round & 1) * 4;
                    int xsAt = xsOf + (round & 1) * 8;
                    context.localBarrier();
                    // Columns beyond the last meet an x of 0.
                    int pair = TornadoMath.min(position, last);
                    int to = weightsAt + TensorTiles.weightsAt(lane);
                    if (matrix == 0) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2q.get(pair + r * pairStride);
                            int w1 = half2q.get(pair + (r + 1) * pairStride);
                            int w2 = half2q.get(pair + (r + 2) * pairStride);
                            int w3 = half2q.get(pair + (r + 3) * pairStride);
                            int w4 = half2q.get(pair + (r + 4) * pairStride);
                            int w5 = half2q.get(pair + (r + 5) * pairStride);
                            int w6 = half2q.get(pair + (r + 6) * pairStride);
                            int w7 = half2q.get(pair + (r + 7) * pairStride);
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
                    if (matrix == 1) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2k.get(pair + r * pairStride);
                            int w1 = half2k.get(pair + (r + 1) * pairStride);
                            int w2 = half2k.get(pair + (r + 2) * pairStride);
                            int w3 = half2k.get(pair + (r + 3) * pairStride);
                            int w4 = half2k.get(pair + (r + 4) * pairStride);
                            int w5 = half2k.get(pair + (r + 5) * pairStride);
                            int w6 = half2k.get(pair + (r + 6) * pairStride);
                            int w7 = half2k.get(pair + (r + 7) * pairStride);
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
                    if (matrix == 2) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2v.get(pair + r * pairStride);
                            int w1 = half2v.get(pair + (r + 1) * pairStride);
                            int w2 = half2v.get(pair + (r + 2) * pairStride);
                            int w3 = half2v.get(pair + (r + 3) * pairStride);
                            int w4 = half2v.get(pair + (r + 4) * pairStride);
                            int w5 = half2v.get(pair + (r + 5) * pairStride);
                            int w6 = half2v.get(pair + (r + 6) * pairStride);
                            int w7 = half2v.get(pair + (r + 7) * pairStride);
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
                        float v0 = load(x, row, count, column, cols, i);
                        float v1 = load(x, row, count, column, cols, i + threads);
                        float v2 = load(x, row, count, column, cols, i + 2 * threads);
                        float v3 = load(x, row, count, column, cols, i + 3 * threads);
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
                        s0 = context.mma(w, context.mmaLoadBSwizzled(xs, 16, b + k * 256), s0, MMAShape.M16N8K16);
                    }
                    column += 64 * splits;
                    position += 32 * splits;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
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
                    // Columns beyond the last meet an x of 0.
                    int pair = TornadoMath.min(position, last);
                    int to = weightsAt + TensorTiles.weightsAt(lane);
                    if (matrix == 0) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2q.get(pair + r * pairStride);
                            int w1 = half2q.get(pair + (r + 1) * pairStride);
                            int w2 = half2q.get(pair + (r + 2) * pairStride);
                            int w3 = half2q.get(pair + (r + 3) * pairStride);
                            int w4 = half2q.get(pair + (r + 4) * pairStride);
                            int w5 = half2q.get(pair + (r + 5) * pairStride);
                            int w6 = half2q.get(pair + (r + 6) * pairStride);
                            int w7 = half2q.get(pair + (r + 7) * pairStride);
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
                    if (matrix == 1) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2k.get(pair + r * pairStride);
                            int w1 = half2k.get(pair + (r + 1) * pairStride);
                            int w2 = half2k.get(pair + (r + 2) * pairStride);
                            int w3 = half2k.get(pair + (r + 3) * pairStride);
                            int w4 = half2k.get(pair + (r + 4) * pairStride);
                            int w5 = half2k.get(pair + (r + 5) * pairStride);
                            int w6 = half2k.get(pair + (r + 6) * pairStride);
                            int w7 = half2k.get(pair + (r + 7) * pairStride);
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
                    if (matrix == 2) {
                        for (int r = 0; r < 16; r += 8) {
                            int w0 = half2v.get(pair + r * pairStride);
                            int w1 = half2v.get(pair + (r + 1) * pairStride);
                            int w2 = half2v.get(pair + (r + 2) * pairStride);
                            int w3 = half2v.get(pair + (r + 3) * pairStride);
                            int w4 = half2v.get(pair + (r + 4) * pairStride);
                            int w5 = half2v.get(pair + (r + 5) * pairStride);
                            int w6 = half2v.get(pair + (r + 6) * pairStride);
                            int w7 = half2v.get(pair + (r + 7) * pairStride);
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
                        float v0 = load(x, row, count, column, cols, i);
                        float v1 = load(x, row, count, column, cols, i + threads);
                        float v2 = load(x, row, count, column, cols, i + 2 * threads);
                        float v3 = load(x, row, count, column, cols, i + 3 * threads);
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
            for (int i = tid; i < rowTiles * 16 * count; i += WARPS * 32) {
                int local = i / (16 * count);
                int r = i % 16;
                int t = i / 16 % count;
                int at = rowOf(shape, context.groupIdx * rowTiles + local, r);
                if (at >= 0) {
                    float v = TensorTiles.sum(scratch, context.groupIdx * WARPS + local * splits, splits, r, t);
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

    /** Row {@code r} of a tile among the rows of all three matrices; -1 beyond them, and where the tile before has it. */
    private static int rowOf(IntArray shape, int tile, int r) {
        int qRows = shape.get(3);
        int kRows = shape.get(4);
        int vRows = shape.get(5);
        int k = tile - (qRows + 15) / 16;
        int v = k - (kRows + 15) / 16;
        int row = -1;
        if (k < 0 && TensorTiles.firstRow(tile, qRows) + r >= tile * 16) {
            row = TensorTiles.firstRow(tile, qRows) + r;
        }
        if (k >= 0 && v < 0 && TensorTiles.firstRow(k, kRows) + r >= k * 16) {
            row = qRows + TensorTiles.firstRow(k, kRows) + r;
        }
        if (v >= 0 && v * 16 < vRows && TensorTiles.firstRow(v, vRows) + r >= v * 16) {
            row = qRows + kRows + TensorTiles.firstRow(v, vRows) + r;
        }
        return row;
    }

    /** Which of the matrices a tile is of; 3 beyond them. */
    private static int matrixOf(IntArray shape, int tile) {
        int k = tile - (shape.get(3) + 15) / 16;
        int v = k - (shape.get(4) + 15) / 16;
        int matrix = 0;
        if (k >= 0) {
            matrix = 1;
        }
        if (v >= 0) {
            matrix = 2;
        }
        if (v >= (shape.get(5) + 15) / 16) {
            matrix = 3;
        }
        return matrix;
    }

    /** Element of its matrix where a tile begins. */
    private static int startOf(IntArray shape, int tile, int stride) {
        int k = tile - (shape.get(3) + 15) / 16;
        int v = k - (shape.get(4) + 15) / 16;
        int start = shape.get(0) + TensorTiles.firstRow(tile, shape.get(3)) * stride;
        if (k >= 0) {
            start = shape.get(1) + TensorTiles.firstRow(k, shape.get(4)) * stride;
        }
        if (v >= 0) {
            start = shape.get(2) + TensorTiles.firstRow(v, shape.get(5)) * stride;
        }
        return start;
    }

    /** Element {@code i} of a round's x; 0 beyond the rows and columns. */
    private static float load(FloatArray x, int row, int count, int column, int cols, int i) {
        int t = TensorTiles.row(i);
        int c = column + TensorTiles.column(i);
        float v = 0f;
        if (t < count && c < cols) {
            v = TensorTiles.clamped(x.get((row + t) * cols + c));
        }
        return v;
    }
}
