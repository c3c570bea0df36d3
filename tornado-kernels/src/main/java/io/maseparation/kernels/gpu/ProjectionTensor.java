package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code Projection} and {@code QkvProjection} with F16 weights, on tensor cores (see {@link
 * TensorTiles}).
 */
public final class ProjectionTensor {
    /** In {@code shape}: offsets of up to three matrices. */
    public static final int OFFSETS = 0;
    /** In {@code shape}: their rows. */
    public static final int ROWS = 3;
    /** In {@code shape}: their columns. */
    public static final int COLS = 6;
    /** In {@code shape}: most rows of x. */
    public static final int MOST_ROWS = 7;
    /** In {@code shape}: columns of packed x. */
    public static final int PADDED = 8;
    /** In {@code shape}: work-groups that pack one tile of x. */
    public static final int CHUNKS = 9;
    /** In {@code shape}: tiles of 16 rows, of all work-groups. */
    public static final int TILES = 10;
    /** In {@code shape}: parts of the columns. */
    public static final int SPLITS = 11;
    /** In {@code shape}: work-groups that share the passes over x. */
    public static final int PARTS = 12;
    /** Elements of {@code shape}. */
    public static final int SHAPE = 13;

    private ProjectionTensor() {}

    /**
     * Sums of up to three matrices, one below the other, for {@link #sum}.
     *
     * @param packed by {@link PackTensor#rows}
     * @param shape sizes, which the compiler does not know, so that one compilation is for all matrices of a stride
     * @param stride elements between rows, of all matrices; known to the compiler, so that it is part of addresses
     */
    public static void multiply(
            KernelContext context,
            IntArray step,
            IntArray packed,
            IntArray half2q,
            IntArray half2k,
            IntArray half2v,
            FloatArray scratch,
            IntArray shape,
            int stride) {
        int cols = shape.get(COLS);
        int padded = shape.get(PADDED);
        int tiles = shape.get(TILES);
        int splits = shape.get(SPLITS);
        int parts = shape.get(PARTS);
        int[] weights = context.allocateIntLocalArray(TensorTiles.WARPS * 576);
        int[] xs = context.allocateIntLocalArray(2056);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int tile = context.groupIdx / (parts * splits) * TensorTiles.WARPS + warp;
        // Tiles beyond the last read that one again.
        int read = TornadoMath.min(tile, tilesOf(shape) - 1);
        int matrix = matrixOf(shape, read);
        int start = startOf(shape, read, stride) / 2;
        // Columns before the first and beyond the last meet an x of 0.
        int last = start + cols / 2 - 1;
        int pairStride = stride / 2;
        int rounds = padded / (64 * splits);
        int weightsOf = warp * 576;
        int rowOf = TensorTiles.rowOf(lane);
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int count = TensorTiles.few(step.get(1), shape.get(MOST_ROWS));
        for (int pass = part * TensorTiles.PASS; pass < count; pass += parts * TensorTiles.PASS) {
            int left = count - pass;
            int xTile = pass / 4;
            int scratchAt = ((xTile * splits + split) * tiles + tile) * 16;
            // The first round multiplies zeros.
            for (int i = tid; i < TensorTiles.WARPS * 576; i += 256) {
                weights[i] = 0;
            }
            for (int i = tid; i < 2056; i += 256) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (left <= 8) {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                int position = start - 4 + split * rounds * 32 + lane;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int x1 = packed.get(from + xStride);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (matrix == 0) {
                        w0 = half2q.get(pair);
                        w1 = half2q.get(pair + pairStride);
                        w2 = half2q.get(pair + 2 * pairStride);
                        w3 = half2q.get(pair + 3 * pairStride);
                        w4 = half2q.get(pair + 4 * pairStride);
                        w5 = half2q.get(pair + 5 * pairStride);
                        w6 = half2q.get(pair + 6 * pairStride);
                        w7 = half2q.get(pair + 7 * pairStride);
                        w8 = half2q.get(pair + 8 * pairStride);
                        w9 = half2q.get(pair + 9 * pairStride);
                        w10 = half2q.get(pair + 10 * pairStride);
                        w11 = half2q.get(pair + 11 * pairStride);
                        w12 = half2q.get(pair + 12 * pairStride);
                        w13 = half2q.get(pair + 13 * pairStride);
                        w14 = half2q.get(pair + 14 * pairStride);
                        w15 = half2q.get(pair + 15 * pairStride);
                    } else if (matrix == 1) {
                        w0 = half2k.get(pair);
                        w1 = half2k.get(pair + pairStride);
                        w2 = half2k.get(pair + 2 * pairStride);
                        w3 = half2k.get(pair + 3 * pairStride);
                        w4 = half2k.get(pair + 4 * pairStride);
                        w5 = half2k.get(pair + 5 * pairStride);
                        w6 = half2k.get(pair + 6 * pairStride);
                        w7 = half2k.get(pair + 7 * pairStride);
                        w8 = half2k.get(pair + 8 * pairStride);
                        w9 = half2k.get(pair + 9 * pairStride);
                        w10 = half2k.get(pair + 10 * pairStride);
                        w11 = half2k.get(pair + 11 * pairStride);
                        w12 = half2k.get(pair + 12 * pairStride);
                        w13 = half2k.get(pair + 13 * pairStride);
                        w14 = half2k.get(pair + 14 * pairStride);
                        w15 = half2k.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2v.get(pair);
                        w1 = half2v.get(pair + pairStride);
                        w2 = half2v.get(pair + 2 * pairStride);
                        w3 = half2v.get(pair + 3 * pairStride);
                        w4 = half2v.get(pair + 4 * pairStride);
                        w5 = half2v.get(pair + 5 * pairStride);
                        w6 = half2v.get(pair + 6 * pairStride);
                        w7 = half2v.get(pair + 7 * pairStride);
                        w8 = half2v.get(pair + 8 * pairStride);
                        w9 = half2v.get(pair + 9 * pairStride);
                        w10 = half2v.get(pair + 10 * pairStride);
                        w11 = half2v.get(pair + 11 * pairStride);
                        w12 = half2v.get(pair + 12 * pairStride);
                        w13 = half2v.get(pair + 13 * pairStride);
                        w14 = half2v.get(pair + 14 * pairStride);
                        w15 = half2v.get(pair + 15 * pairStride);
                    }
                    int shift = (round & 1) * 4;
                    int a = (weightsOf + 4 - shift) * 4 + rowOf;
                    int b = (4 - shift) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 32);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                    }
                    context.localBarrier();
                    int to = weightsOf + shift + lane;
                    weights[to] = w0;
                    weights[to + 36] = w1;
                    weights[to + 72] = w2;
                    weights[to + 108] = w3;
                    weights[to + 144] = w4;
                    weights[to + 180] = w5;
                    weights[to + 216] = w6;
                    weights[to + 252] = w7;
                    weights[to + 288] = w8;
                    weights[to + 324] = w9;
                    weights[to + 360] = w10;
                    weights[to + 396] = w11;
                    weights[to + 432] = w12;
                    weights[to + 468] = w13;
                    weights[to + 504] = w14;
                    weights[to + 540] = w15;
                    int xTo = shift + tid;
                    xs[xTo] = x0;
                    xs[xTo + 256] = x1;
                    context.localBarrier();
                    position += 32;
                    from += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                float[] s4 = context.mmaFragment(0f);
                float[] s5 = context.mmaFragment(0f);
                float[] s6 = context.mmaFragment(0f);
                float[] s7 = context.mmaFragment(0f);
                int position = start - 4 + split * rounds * 32 + lane;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int x1 = packed.get(from + xStride);
                    int x2 = packed.get(from + 2 * xStride);
                    int x3 = packed.get(from + 3 * xStride);
                    int x4 = packed.get(from + 4 * xStride);
                    int x5 = packed.get(from + 5 * xStride);
                    int x6 = packed.get(from + 6 * xStride);
                    int x7 = packed.get(from + 7 * xStride);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (matrix == 0) {
                        w0 = half2q.get(pair);
                        w1 = half2q.get(pair + pairStride);
                        w2 = half2q.get(pair + 2 * pairStride);
                        w3 = half2q.get(pair + 3 * pairStride);
                        w4 = half2q.get(pair + 4 * pairStride);
                        w5 = half2q.get(pair + 5 * pairStride);
                        w6 = half2q.get(pair + 6 * pairStride);
                        w7 = half2q.get(pair + 7 * pairStride);
                        w8 = half2q.get(pair + 8 * pairStride);
                        w9 = half2q.get(pair + 9 * pairStride);
                        w10 = half2q.get(pair + 10 * pairStride);
                        w11 = half2q.get(pair + 11 * pairStride);
                        w12 = half2q.get(pair + 12 * pairStride);
                        w13 = half2q.get(pair + 13 * pairStride);
                        w14 = half2q.get(pair + 14 * pairStride);
                        w15 = half2q.get(pair + 15 * pairStride);
                    } else if (matrix == 1) {
                        w0 = half2k.get(pair);
                        w1 = half2k.get(pair + pairStride);
                        w2 = half2k.get(pair + 2 * pairStride);
                        w3 = half2k.get(pair + 3 * pairStride);
                        w4 = half2k.get(pair + 4 * pairStride);
                        w5 = half2k.get(pair + 5 * pairStride);
                        w6 = half2k.get(pair + 6 * pairStride);
                        w7 = half2k.get(pair + 7 * pairStride);
                        w8 = half2k.get(pair + 8 * pairStride);
                        w9 = half2k.get(pair + 9 * pairStride);
                        w10 = half2k.get(pair + 10 * pairStride);
                        w11 = half2k.get(pair + 11 * pairStride);
                        w12 = half2k.get(pair + 12 * pairStride);
                        w13 = half2k.get(pair + 13 * pairStride);
                        w14 = half2k.get(pair + 14 * pairStride);
                        w15 = half2k.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2v.get(pair);
                        w1 = half2v.get(pair + pairStride);
                        w2 = half2v.get(pair + 2 * pairStride);
                        w3 = half2v.get(pair + 3 * pairStride);
                        w4 = half2v.get(pair + 4 * pairStride);
                        w5 = half2v.get(pair + 5 * pairStride);
                        w6 = half2v.get(pair + 6 * pairStride);
                        w7 = half2v.get(pair + 7 * pairStride);
                        w8 = half2v.get(pair + 8 * pairStride);
                        w9 = half2v.get(pair + 9 * pairStride);
                        w10 = half2v.get(pair + 10 * pairStride);
                        w11 = half2v.get(pair + 11 * pairStride);
                        w12 = half2v.get(pair + 12 * pairStride);
                        w13 = half2v.get(pair + 13 * pairStride);
                        w14 = half2v.get(pair + 14 * pairStride);
                        w15 = half2v.get(pair + 15 * pairStride);
                    }
                    int shift = (round & 1) * 4;
                    int a = (weightsOf + 4 - shift) * 4 + rowOf;
                    int b = (4 - shift) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 32);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                        s4 = context.mma(w, context.mmaLoadB(xs, 16, bk + 4096), s4, MMAShape.M16N8K16);
                        s5 = context.mma(w, context.mmaLoadB(xs, 16, bk + 5120), s5, MMAShape.M16N8K16);
                        s6 = context.mma(w, context.mmaLoadB(xs, 16, bk + 6144), s6, MMAShape.M16N8K16);
                        s7 = context.mma(w, context.mmaLoadB(xs, 16, bk + 7168), s7, MMAShape.M16N8K16);
                    }
                    context.localBarrier();
                    int to = weightsOf + shift + lane;
                    weights[to] = w0;
                    weights[to + 36] = w1;
                    weights[to + 72] = w2;
                    weights[to + 108] = w3;
                    weights[to + 144] = w4;
                    weights[to + 180] = w5;
                    weights[to + 216] = w6;
                    weights[to + 252] = w7;
                    weights[to + 288] = w8;
                    weights[to + 324] = w9;
                    weights[to + 360] = w10;
                    weights[to + 396] = w11;
                    weights[to + 432] = w12;
                    weights[to + 468] = w13;
                    weights[to + 504] = w14;
                    weights[to + 540] = w15;
                    int xTo = shift + tid;
                    xs[xTo] = x0;
                    xs[xTo + 256] = x1;
                    xs[xTo + 512] = x2;
                    xs[xTo + 768] = x3;
                    xs[xTo + 1024] = x4;
                    xs[xTo + 1280] = x5;
                    xs[xTo + 1536] = x6;
                    xs[xTo + 1792] = x7;
                    context.localBarrier();
                    position += 32;
                    from += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                context.mmaStore(s4, scratch, scratchAt + 4 * scratchStride, 0, 8);
                context.mmaStore(s5, scratch, scratchAt + 5 * scratchStride, 0, 8);
                context.mmaStore(s6, scratch, scratchAt + 6 * scratchStride, 0, 8);
                context.mmaStore(s7, scratch, scratchAt + 7 * scratchStride, 0, 8);
            }
        }
    }

    /** The same with x in one fp16 number each, eight rows per tile. */
    public static void multiplyF16(
            KernelContext context,
            IntArray step,
            IntArray packed,
            IntArray half2q,
            IntArray half2k,
            IntArray half2v,
            FloatArray scratch,
            IntArray shape,
            int stride) {
        int cols = shape.get(COLS);
        int padded = shape.get(PADDED);
        int tiles = shape.get(TILES);
        int splits = shape.get(SPLITS);
        int parts = shape.get(PARTS);
        int[] weights = context.allocateIntLocalArray(TensorTiles.WARPS * 576);
        int[] xs = context.allocateIntLocalArray(1032);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int tile = context.groupIdx / (parts * splits) * TensorTiles.WARPS + warp;
        // Tiles beyond the last read that one again.
        int read = TornadoMath.min(tile, tilesOf(shape) - 1);
        int matrix = matrixOf(shape, read);
        int start = startOf(shape, read, stride) / 2;
        // Columns before the first and beyond the last meet an x of 0.
        int last = start + cols / 2 - 1;
        int pairStride = stride / 2;
        int rounds = padded / (64 * splits);
        int weightsOf = warp * 576;
        int rowOf = TensorTiles.rowOf(lane);
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int count = TensorTiles.few(step.get(1), shape.get(MOST_ROWS));
        for (int pass = part * TensorTiles.PASS; pass < count; pass += parts * TensorTiles.PASS) {
            int left = count - pass;
            int xTile = pass / 8;
            int scratchAt = ((xTile * splits + split) * tiles + tile) * 16;
            // The first round multiplies zeros.
            for (int i = tid; i < TensorTiles.WARPS * 576; i += 256) {
                weights[i] = 0;
            }
            for (int i = tid; i < 1032; i += 256) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (left <= 8) {
                float[] s0 = context.mmaFragment(0f);
                int position = start - 4 + split * rounds * 32 + lane;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (matrix == 0) {
                        w0 = half2q.get(pair);
                        w1 = half2q.get(pair + pairStride);
                        w2 = half2q.get(pair + 2 * pairStride);
                        w3 = half2q.get(pair + 3 * pairStride);
                        w4 = half2q.get(pair + 4 * pairStride);
                        w5 = half2q.get(pair + 5 * pairStride);
                        w6 = half2q.get(pair + 6 * pairStride);
                        w7 = half2q.get(pair + 7 * pairStride);
                        w8 = half2q.get(pair + 8 * pairStride);
                        w9 = half2q.get(pair + 9 * pairStride);
                        w10 = half2q.get(pair + 10 * pairStride);
                        w11 = half2q.get(pair + 11 * pairStride);
                        w12 = half2q.get(pair + 12 * pairStride);
                        w13 = half2q.get(pair + 13 * pairStride);
                        w14 = half2q.get(pair + 14 * pairStride);
                        w15 = half2q.get(pair + 15 * pairStride);
                    } else if (matrix == 1) {
                        w0 = half2k.get(pair);
                        w1 = half2k.get(pair + pairStride);
                        w2 = half2k.get(pair + 2 * pairStride);
                        w3 = half2k.get(pair + 3 * pairStride);
                        w4 = half2k.get(pair + 4 * pairStride);
                        w5 = half2k.get(pair + 5 * pairStride);
                        w6 = half2k.get(pair + 6 * pairStride);
                        w7 = half2k.get(pair + 7 * pairStride);
                        w8 = half2k.get(pair + 8 * pairStride);
                        w9 = half2k.get(pair + 9 * pairStride);
                        w10 = half2k.get(pair + 10 * pairStride);
                        w11 = half2k.get(pair + 11 * pairStride);
                        w12 = half2k.get(pair + 12 * pairStride);
                        w13 = half2k.get(pair + 13 * pairStride);
                        w14 = half2k.get(pair + 14 * pairStride);
                        w15 = half2k.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2v.get(pair);
                        w1 = half2v.get(pair + pairStride);
                        w2 = half2v.get(pair + 2 * pairStride);
                        w3 = half2v.get(pair + 3 * pairStride);
                        w4 = half2v.get(pair + 4 * pairStride);
                        w5 = half2v.get(pair + 5 * pairStride);
                        w6 = half2v.get(pair + 6 * pairStride);
                        w7 = half2v.get(pair + 7 * pairStride);
                        w8 = half2v.get(pair + 8 * pairStride);
                        w9 = half2v.get(pair + 9 * pairStride);
                        w10 = half2v.get(pair + 10 * pairStride);
                        w11 = half2v.get(pair + 11 * pairStride);
                        w12 = half2v.get(pair + 12 * pairStride);
                        w13 = half2v.get(pair + 13 * pairStride);
                        w14 = half2v.get(pair + 14 * pairStride);
                        w15 = half2v.get(pair + 15 * pairStride);
                    }
                    int shift = (round & 1) * 4;
                    int a = (weightsOf + 4 - shift) * 4 + rowOf;
                    int b = (4 - shift) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 32);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                    }
                    context.localBarrier();
                    int to = weightsOf + shift + lane;
                    weights[to] = w0;
                    weights[to + 36] = w1;
                    weights[to + 72] = w2;
                    weights[to + 108] = w3;
                    weights[to + 144] = w4;
                    weights[to + 180] = w5;
                    weights[to + 216] = w6;
                    weights[to + 252] = w7;
                    weights[to + 288] = w8;
                    weights[to + 324] = w9;
                    weights[to + 360] = w10;
                    weights[to + 396] = w11;
                    weights[to + 432] = w12;
                    weights[to + 468] = w13;
                    weights[to + 504] = w14;
                    weights[to + 540] = w15;
                    int xTo = shift + tid;
                    xs[xTo] = x0;
                    context.localBarrier();
                    position += 32;
                    from += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
            } else {
                float[] s0 = context.mmaFragment(0f);
                float[] s1 = context.mmaFragment(0f);
                float[] s2 = context.mmaFragment(0f);
                float[] s3 = context.mmaFragment(0f);
                int position = start - 4 + split * rounds * 32 + lane;
                int from = (xTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int x1 = packed.get(from + xStride);
                    int x2 = packed.get(from + 2 * xStride);
                    int x3 = packed.get(from + 3 * xStride);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (matrix == 0) {
                        w0 = half2q.get(pair);
                        w1 = half2q.get(pair + pairStride);
                        w2 = half2q.get(pair + 2 * pairStride);
                        w3 = half2q.get(pair + 3 * pairStride);
                        w4 = half2q.get(pair + 4 * pairStride);
                        w5 = half2q.get(pair + 5 * pairStride);
                        w6 = half2q.get(pair + 6 * pairStride);
                        w7 = half2q.get(pair + 7 * pairStride);
                        w8 = half2q.get(pair + 8 * pairStride);
                        w9 = half2q.get(pair + 9 * pairStride);
                        w10 = half2q.get(pair + 10 * pairStride);
                        w11 = half2q.get(pair + 11 * pairStride);
                        w12 = half2q.get(pair + 12 * pairStride);
                        w13 = half2q.get(pair + 13 * pairStride);
                        w14 = half2q.get(pair + 14 * pairStride);
                        w15 = half2q.get(pair + 15 * pairStride);
                    } else if (matrix == 1) {
                        w0 = half2k.get(pair);
                        w1 = half2k.get(pair + pairStride);
                        w2 = half2k.get(pair + 2 * pairStride);
                        w3 = half2k.get(pair + 3 * pairStride);
                        w4 = half2k.get(pair + 4 * pairStride);
                        w5 = half2k.get(pair + 5 * pairStride);
                        w6 = half2k.get(pair + 6 * pairStride);
                        w7 = half2k.get(pair + 7 * pairStride);
                        w8 = half2k.get(pair + 8 * pairStride);
                        w9 = half2k.get(pair + 9 * pairStride);
                        w10 = half2k.get(pair + 10 * pairStride);
                        w11 = half2k.get(pair + 11 * pairStride);
                        w12 = half2k.get(pair + 12 * pairStride);
                        w13 = half2k.get(pair + 13 * pairStride);
                        w14 = half2k.get(pair + 14 * pairStride);
                        w15 = half2k.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2v.get(pair);
                        w1 = half2v.get(pair + pairStride);
                        w2 = half2v.get(pair + 2 * pairStride);
                        w3 = half2v.get(pair + 3 * pairStride);
                        w4 = half2v.get(pair + 4 * pairStride);
                        w5 = half2v.get(pair + 5 * pairStride);
                        w6 = half2v.get(pair + 6 * pairStride);
                        w7 = half2v.get(pair + 7 * pairStride);
                        w8 = half2v.get(pair + 8 * pairStride);
                        w9 = half2v.get(pair + 9 * pairStride);
                        w10 = half2v.get(pair + 10 * pairStride);
                        w11 = half2v.get(pair + 11 * pairStride);
                        w12 = half2v.get(pair + 12 * pairStride);
                        w13 = half2v.get(pair + 13 * pairStride);
                        w14 = half2v.get(pair + 14 * pairStride);
                        w15 = half2v.get(pair + 15 * pairStride);
                    }
                    int shift = (round & 1) * 4;
                    int a = (weightsOf + 4 - shift) * 4 + rowOf;
                    int b = (4 - shift) * 4;
                    for (int k = 0; k < 4; k++) {
                        HalfFloat[] w = context.mmaLoadA(weights, 16, a + k * 32);
                        int bk = b + k * 256;
                        s0 = context.mma(w, context.mmaLoadB(xs, 16, bk), s0, MMAShape.M16N8K16);
                        s1 = context.mma(w, context.mmaLoadB(xs, 16, bk + 1024), s1, MMAShape.M16N8K16);
                        s2 = context.mma(w, context.mmaLoadB(xs, 16, bk + 2048), s2, MMAShape.M16N8K16);
                        s3 = context.mma(w, context.mmaLoadB(xs, 16, bk + 3072), s3, MMAShape.M16N8K16);
                    }
                    context.localBarrier();
                    int to = weightsOf + shift + lane;
                    weights[to] = w0;
                    weights[to + 36] = w1;
                    weights[to + 72] = w2;
                    weights[to + 108] = w3;
                    weights[to + 144] = w4;
                    weights[to + 180] = w5;
                    weights[to + 216] = w6;
                    weights[to + 252] = w7;
                    weights[to + 288] = w8;
                    weights[to + 324] = w9;
                    weights[to + 360] = w10;
                    weights[to + 396] = w11;
                    weights[to + 432] = w12;
                    weights[to + 468] = w13;
                    weights[to + 504] = w14;
                    weights[to + 540] = w15;
                    int xTo = shift + tid;
                    xs[xTo] = x0;
                    xs[xTo + 256] = x1;
                    xs[xTo + 512] = x2;
                    xs[xTo + 768] = x3;
                    context.localBarrier();
                    position += 32;
                    from += 256;
                }
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
            }
        }
    }

    /**
     * {@code out[row,r] = scale · (sum + bias[r])} of what {@link #multiply} left: one thread per row of the
     * matrices and four of x.
     *
     * @param flags 1 bias, 2 add to what {@code out} holds
     * @param xShift logarithm of a tile's rows of x
     */
    public static void sum(
            KernelContext context,
            IntArray step,
            FloatArray scratch,
            FloatArray bias,
            FloatArray out,
            IntArray shape,
            int tiles,
            float scale,
            float clip,
            int flags,
            int splits,
            int xShift) {
        int row = context.globalIdx / (tiles * 16) * 4;
        int r = context.globalIdx % (tiles * 16);
        int xTile = row >> xShift;
        int t = row - (xTile << xShift);
        int count = step.get(1);
        if (row < count) {
            int at = rowOf(shape, r >> 4, r & 15);
            float v0 = TensorTiles.sum(scratch, xTile, t, r, tiles, splits, xShift);
            float v1 = TensorTiles.sum(scratch, xTile, t + 1, r, tiles, splits, xShift);
            float v2 = TensorTiles.sum(scratch, xTile, t + 2, r, tiles, splits, xShift);
            float v3 = TensorTiles.sum(scratch, xTile, t + 3, r, tiles, splits, xShift);
            if (at >= 0) {
                int total = shape.get(ROWS) + shape.get(ROWS + 1) + shape.get(ROWS + 2);
                int to = (step.get(0) + row) * total + at;
                store(v0, bias, at, out, to, scale, clip, flags);
                if (row + 1 < count) {
                    store(v1, bias, at, out, to + total, scale, clip, flags);
                }
                if (row + 2 < count) {
                    store(v2, bias, at, out, to + 2 * total, scale, clip, flags);
                }
                if (row + 3 < count) {
                    store(v3, bias, at, out, to + 3 * total, scale, clip, flags);
                }
            }
        }
    }

    private static void store(
            float sum, FloatArray bias, int r, FloatArray out, int to, float scale, float clip, int flags) {
        float v = sum;
        if ((flags & 1) != 0) {
            v += bias.get(r);
        }
        v = DeviceDots.clip(v * scale, clip);
        if ((flags & 2) != 0) {
            v += out.get(to);
        }
        out.set(to, v);
    }

    /**
     * Row {@code r} of a tile among the rows of all three matrices; -1 beyond them, and where the tile before
     * has it.
     */
    private static int rowOf(IntArray shape, int tile, int r) {
        int qRows = shape.get(ROWS);
        int kRows = shape.get(ROWS + 1);
        int vRows = shape.get(ROWS + 2);
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

    /** Tiles of all matrices. */
    private static int tilesOf(IntArray shape) {
        return (shape.get(ROWS) + 15) / 16 + (shape.get(ROWS + 1) + 15) / 16 + (shape.get(ROWS + 2) + 15) / 16;
    }

    /** Which of the matrices a tile is of. */
    private static int matrixOf(IntArray shape, int tile) {
        int k = tile - (shape.get(ROWS) + 15) / 16;
        int v = k - (shape.get(ROWS + 1) + 15) / 16;
        int matrix = 0;
        if (k >= 0) {
            matrix = 1;
        }
        if (v >= 0) {
            matrix = 2;
        }
        return matrix;
    }

    /** Element of its matrix where a tile begins. */
    private static int startOf(IntArray shape, int tile, int stride) {
        int k = tile - (shape.get(ROWS) + 15) / 16;
        int v = k - (shape.get(ROWS + 1) + 15) / 16;
        int start = shape.get(OFFSETS) + TensorTiles.firstRow(tile, shape.get(ROWS)) * stride;
        if (k >= 0) {
            start = shape.get(OFFSETS + 1) + TensorTiles.firstRow(k, shape.get(ROWS + 1)) * stride;
        }
        if (v >= 0) {
            start = shape.get(OFFSETS + 2) + TensorTiles.firstRow(v, shape.get(ROWS + 2)) * stride;
        }
        return start;
    }
}
