package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code ExpertUp} and {@code ExpertDown} with F16 weights, on tensor cores (see {@link TensorTiles}).
 */
public final class ExpertTensor {
    /** In {@code mode}: rows of x by pair, results by row and slot. */
    public static final int DOWN = 16;

    /** In {@code shape}, after offset and distance of gate and of up matrices: columns of the matrices. */
    public static final int COLS = 4;
    /** In {@code shape}: most rows of x that an expert takes here; those with more are others'. */
    public static final int MOST_ROWS = 5;
    /** In {@code shape}: groups of pairs. */
    public static final int GROUPS = 6;
    /** In {@code shape}: elements between rows of x. */
    public static final int X_STRIDE = 7;
    /** In {@code shape}: columns of packed x. */
    public static final int PADDED = 8;
    /** In {@code shape}: slots of a row of x; 0 where x has a row for each pair. */
    public static final int SLOTS = 9;
    /** In {@code shape}: work-groups that pack one tile of x. */
    public static final int CHUNKS = 10;
    /** In {@code shape}: most rows of x of an expert that {@link MiddleRowsTensor} takes. */
    public static final int MIDDLE_ROWS = 11;
    /** In {@code shape}: logarithm of a tile's rows of x. */
    public static final int X_SHIFT = 12;
    /** Elements of {@code shape}. */
    public static final int SHAPE = 13;
    /** Tiles of x that a work-group multiplies at once. */
    public static final int PASS = 4;

    private ExpertTensor() {}

    /**
     * Sums of the experts of a bank, for {@link #sum}; a gate's tiles of rows stand before those of up.
     *
     * @param offsets where each group's pairs begin
     * @param packed by {@link PackTensor#pairs}
     * @param shape offset of the first expert and distance of the others, of gate and of up; and what else constants
     *     here name
     * @param firstGroup group of the bank's first expert
     * @param rows of gate and of up
     * @param padded columns of {@code packed}
     * @param stride elements between rows of gate and of up
     * @param tiles tiles of 16 rows, of all work-groups of an expert
     * @param matrices 2 with a gate, 1 without
     * @param splits parts of the columns
     */
    public static void multiply(
            KernelContext context,
            IntArray offsets,
            IntArray packed,
            IntArray half2gate,
            IntArray half2up,
            FloatArray scratch,
            IntArray shape,
            int firstGroup,
            int rows,
            int cols,
            int padded,
            int stride,
            int tiles,
            int matrices,
            int splits) {
        int[] weights = context.allocateIntLocalArray(TensorTiles.WARPS * 576);
        int[] xs = context.allocateIntLocalArray(1032);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / TensorTiles.WARPS;
        int split = context.groupIdx % splits;
        int tile = context.groupIdx / splits % groups * TensorTiles.WARPS + warp;
        int expert = context.groupIdx / (splits * groups);
        int ofGate = (matrices - 1) * ((rows + 15) / 16);
        boolean isUp = tile >= ofGate;
        int matrixAt = shape.get(0) + expert * shape.get(1) + TensorTiles.firstRow(tile, rows) * stride;
        if (isUp) {
            matrixAt = shape.get(2) + expert * shape.get(3) + TensorTiles.firstRow(tile - ofGate, rows) * stride;
        }
        int start = matrixAt / 2;
        // Columns before the first and beyond the last meet an x of 0.
        int last = start + cols / 2 - 1;
        int pairStride = stride / 2;
        int rounds = padded / (64 * splits);
        int weightsOf = warp * 576;
        int rowOf = TensorTiles.rowOf(lane);
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int group = firstGroup + expert;
        int first = offsets.get(group);
        int xShift = shape.get(X_SHIFT);
        int count = TensorTiles.tilesOf(TensorTiles.few(offsets.get(group + 1) - first, shape.get(MOST_ROWS)), xShift);
        int firstTile = TensorTiles.firstTile(first, group, xShift);
        if (count > 0) {
            int scratchAt = ((firstTile * splits + split) * tiles + tile) * 16;
            // The first round multiplies zeros.
            for (int i = tid; i < TensorTiles.WARPS * 576; i += 256) {
                weights[i] = 0;
            }
            for (int i = tid; i < 1032; i += 256) {
                xs[i] = 0;
            }
            context.localBarrier();
            // Each branch stores its sums: fragments, and what loops leave behind, must not meet after an if.
            if (count == 1) {
                float[] s0 = context.mmaFragment(0f);
                int position = start - 4 + split * rounds * 32 + lane;
                int from = (firstTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (isUp) {
                        w0 = half2up.get(pair);
                        w1 = half2up.get(pair + pairStride);
                        w2 = half2up.get(pair + 2 * pairStride);
                        w3 = half2up.get(pair + 3 * pairStride);
                        w4 = half2up.get(pair + 4 * pairStride);
                        w5 = half2up.get(pair + 5 * pairStride);
                        w6 = half2up.get(pair + 6 * pairStride);
                        w7 = half2up.get(pair + 7 * pairStride);
                        w8 = half2up.get(pair + 8 * pairStride);
                        w9 = half2up.get(pair + 9 * pairStride);
                        w10 = half2up.get(pair + 10 * pairStride);
                        w11 = half2up.get(pair + 11 * pairStride);
                        w12 = half2up.get(pair + 12 * pairStride);
                        w13 = half2up.get(pair + 13 * pairStride);
                        w14 = half2up.get(pair + 14 * pairStride);
                        w15 = half2up.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2gate.get(pair);
                        w1 = half2gate.get(pair + pairStride);
                        w2 = half2gate.get(pair + 2 * pairStride);
                        w3 = half2gate.get(pair + 3 * pairStride);
                        w4 = half2gate.get(pair + 4 * pairStride);
                        w5 = half2gate.get(pair + 5 * pairStride);
                        w6 = half2gate.get(pair + 6 * pairStride);
                        w7 = half2gate.get(pair + 7 * pairStride);
                        w8 = half2gate.get(pair + 8 * pairStride);
                        w9 = half2gate.get(pair + 9 * pairStride);
                        w10 = half2gate.get(pair + 10 * pairStride);
                        w11 = half2gate.get(pair + 11 * pairStride);
                        w12 = half2gate.get(pair + 12 * pairStride);
                        w13 = half2gate.get(pair + 13 * pairStride);
                        w14 = half2gate.get(pair + 14 * pairStride);
                        w15 = half2gate.get(pair + 15 * pairStride);
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
                int from = (firstTile * padded + split * rounds * 64) * 4 + tid;
                for (int round = 0; round <= rounds; round++) {
                    // Loads first: they are under way while the last round's are multiplied.
                    int pair = TornadoMath.max(start, TornadoMath.min(position, last));
                    int x0 = packed.get(from);
                    int x1 = packed.get(from + xStride);
                    int x2 = packed.get(from + 2 * xStride);
                    int x3 = packed.get(from + 3 * xStride);
                    int w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15;
                    if (isUp) {
                        w0 = half2up.get(pair);
                        w1 = half2up.get(pair + pairStride);
                        w2 = half2up.get(pair + 2 * pairStride);
                        w3 = half2up.get(pair + 3 * pairStride);
                        w4 = half2up.get(pair + 4 * pairStride);
                        w5 = half2up.get(pair + 5 * pairStride);
                        w6 = half2up.get(pair + 6 * pairStride);
                        w7 = half2up.get(pair + 7 * pairStride);
                        w8 = half2up.get(pair + 8 * pairStride);
                        w9 = half2up.get(pair + 9 * pairStride);
                        w10 = half2up.get(pair + 10 * pairStride);
                        w11 = half2up.get(pair + 11 * pairStride);
                        w12 = half2up.get(pair + 12 * pairStride);
                        w13 = half2up.get(pair + 13 * pairStride);
                        w14 = half2up.get(pair + 14 * pairStride);
                        w15 = half2up.get(pair + 15 * pairStride);
                    } else {
                        w0 = half2gate.get(pair);
                        w1 = half2gate.get(pair + pairStride);
                        w2 = half2gate.get(pair + 2 * pairStride);
                        w3 = half2gate.get(pair + 3 * pairStride);
                        w4 = half2gate.get(pair + 4 * pairStride);
                        w5 = half2gate.get(pair + 5 * pairStride);
                        w6 = half2gate.get(pair + 6 * pairStride);
                        w7 = half2gate.get(pair + 7 * pairStride);
                        w8 = half2gate.get(pair + 8 * pairStride);
                        w9 = half2gate.get(pair + 9 * pairStride);
                        w10 = half2gate.get(pair + 10 * pairStride);
                        w11 = half2gate.get(pair + 11 * pairStride);
                        w12 = half2gate.get(pair + 12 * pairStride);
                        w13 = half2gate.get(pair + 13 * pairStride);
                        w14 = half2gate.get(pair + 14 * pairStride);
                        w15 = half2gate.get(pair + 15 * pairStride);
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
                // No further tile: the next one is another expert's.
                context.mmaStore(s0, scratch, scratchAt, 0, 8);
                if (count > 1) {
                    context.mmaStore(s1, scratch, scratchAt + scratchStride, 0, 8);
                }
                if (count > 2) {
                    context.mmaStore(s2, scratch, scratchAt + 2 * scratchStride, 0, 8);
                }
                if (count > 3) {
                    context.mmaStore(s3, scratch, scratchAt + 3 * scratchStride, 0, 8);
                }
            }
        }
    }

    /**
     * Both halves, of what {@link #multiply} left: {@code out[p,:] = act(gate · x[row]) * (up · x[row])}, or with
     * {@link #DOWN} {@code out[pairs[p],:] = up · x[p]}. A work-group has 256 rows of a tile of pairs.
     *
     * @param experts of the bank
     * @param mode activation, plus 8 for experts with a gate, or {@link #DOWN}
     * @param xShift logarithm of a tile's rows of x
     */
    public static void sum(
            KernelContext context,
            IntArray offsets,
            IntArray pairs,
            FloatArray scratch,
            FloatArray out,
            int firstGroup,
            int experts,
            int rows,
            int tiles,
            int outStride,
            int mode,
            int splits,
            int xShift) {
        int groups = (rows + 255) / 256;
        int lane = context.localIdx & 31;
        int r = context.groupIdx % groups * 256 + context.localIdx;
        int xTile = TensorTiles.firstTile(offsets.get(firstGroup), firstGroup, xShift) + context.groupIdx / groups;
        float begun = context.simdSum(TensorTiles.begun(offsets, firstGroup, experts, xTile, lane, xShift));
        int group = firstGroup + (int) begun - 1;
        int first = offsets.get(group);
        int p = first + ((xTile - TensorTiles.firstTile(first, group, xShift)) << xShift);
        int end = offsets.get(group + 1);
        int gateCols = mode >> 3 & 1;
        int at = TensorTiles.scratchRow(r, rows);
        int upAt = at + gateCols * ((rows + 15) / 16) * 16;
        for (int t = 0; t < 1 << xShift; t++) {
            if (p + t < end && r < rows) {
                float value = TensorTiles.sum(scratch, xTile, t, upAt, tiles, splits, xShift);
                int row = pairs.get(p + t);
                if ((mode & DOWN) == 0) {
                    float gate = TensorTiles.sum(scratch, xTile, t, at, tiles, splits, xShift);
                    value = DeviceDots.combine(gate, value, mode & 7, gateCols);
                    row = p + t;
                }
                out.set(row * outStride + r, value);
            }
        }
    }
}
