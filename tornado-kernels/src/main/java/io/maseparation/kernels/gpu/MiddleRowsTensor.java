package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu body that multiplies experts of fp16 weights with more tiles of x than {@link ExpertTensor#PASS}, and too few for
 * {@link ManyRowsTensor} (see {@link TensorTiles}): one pass over the weights where {@link ExpertTensor#multiply} would
 * take two, and a warp has 32 weight rows and half of the tiles of x, so that what it loads from local memory goes into
 * more products. Sums are the same bits as those of the other bodies, since they are made in the same order.
 */
public final class MiddleRowsTensor {
    /** Tiles of x that a work-group multiplies at once. */
    public static final int PASS = 8;

    private MiddleRowsTensor() {}

    /**
     * As {@link ExpertTensor#multiply}, for experts with more rows of x than that takes.
     *
     * @param shape as there; experts with more than {@link ExpertTensor#MIDDLE_ROWS} are left to others
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
        int[] xs = context.allocateIntLocalArray(2056);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / TensorTiles.WARPS;
        int split = context.groupIdx % splits;
        int groupTile = context.groupIdx / splits % groups * TensorTiles.WARPS;
        int tile = groupTile + warp;
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
        // A warp loads one tile of weights and multiplies two.
        int weightsOf = warp * 576;
        int tilesOf = (warp >> 1) * 1152;
        int firstOf = groupTile + (warp >> 1) * 2;
        int side = warp & 1;
        int rowOf = TensorTiles.rowOf(lane);
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int group = firstGroup + expert;
        int first = offsets.get(group);
        int xShift = shape.get(ExpertTensor.X_SHIFT);
        int count = TensorTiles.tilesOf(
                TensorTiles.middle(
                        offsets.get(group + 1) - first, shape.get(ExpertTensor.MOST_ROWS),
                        shape.get(ExpertTensor.MIDDLE_ROWS)),
                xShift);
        int firstTile = TensorTiles.firstTile(first, group, xShift);
        for (int pass = 0; pass < count; pass += PASS) {
            int left = count - pass;
            int xTile = firstTile + pass;
            // The first round multiplies zeros.
            for (int i = tid; i < TensorTiles.WARPS * 576; i += 256) {
                weights[i] = 0;
            }
            for (int i = tid; i < 2056; i += 256) {
                xs[i] = 0;
            }
            context.localBarrier();
            float[] s00 = context.mmaFragment(0f);
            float[] s01 = context.mmaFragment(0f);
            float[] s02 = context.mmaFragment(0f);
            float[] s03 = context.mmaFragment(0f);
            float[] s10 = context.mmaFragment(0f);
            float[] s11 = context.mmaFragment(0f);
            float[] s12 = context.mmaFragment(0f);
            float[] s13 = context.mmaFragment(0f);
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
                int a = (tilesOf + 4 - shift) * 4 + rowOf;
                int b = (4 - shift) * 4 + side * 4096;
                for (int k = 0; k < 4; k++) {
                    HalfFloat[] upper = context.mmaLoadA(weights, 16, a + k * 32);
                    HalfFloat[] lower = context.mmaLoadA(weights, 16, a + k * 32 + 2304);
                    int bk = b + k * 256;
                    HalfFloat[] b0 = context.mmaLoadB(xs, 16, bk);
                    s00 = context.mma(upper, b0, s00, MMAShape.M16N8K16);
                    s10 = context.mma(lower, b0, s10, MMAShape.M16N8K16);
                    HalfFloat[] b1 = context.mmaLoadB(xs, 16, bk + 1024);
                    s01 = context.mma(upper, b1, s01, MMAShape.M16N8K16);
                    s11 = context.mma(lower, b1, s11, MMAShape.M16N8K16);
                    HalfFloat[] b2 = context.mmaLoadB(xs, 16, bk + 2048);
                    s02 = context.mma(upper, b2, s02, MMAShape.M16N8K16);
                    s12 = context.mma(lower, b2, s12, MMAShape.M16N8K16);
                    HalfFloat[] b3 = context.mmaLoadB(xs, 16, bk + 3072);
                    s03 = context.mma(upper, b3, s03, MMAShape.M16N8K16);
                    s13 = context.mma(lower, b3, s13, MMAShape.M16N8K16);
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
            // No further tile: the next one is another expert's.
            int own = side * 4;
            int scratchAt = (((xTile + own) * splits + split) * tiles + firstOf) * 16;
            if (left > own) {
                context.mmaStore(s00, scratch, scratchAt, 0, 8);
                context.mmaStore(s10, scratch, scratchAt + 16, 0, 8);
            }
            if (left > own + 1) {
                context.mmaStore(s01, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s11, scratch, scratchAt + scratchStride + 16, 0, 8);
            }
            if (left > own + 2) {
                context.mmaStore(s02, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s12, scratch, scratchAt + 2 * scratchStride + 16, 0, 8);
            }
            if (left > own + 3) {
                context.mmaStore(s03, scratch, scratchAt + 3 * scratchStride, 0, 8);
                context.mmaStore(s13, scratch, scratchAt + 3 * scratchStride + 16, 0, 8);
            }
        }
    }
}
