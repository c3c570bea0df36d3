package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu body that multiplies fp16 weights with many rows of x, for {@link ProjectionTensor} and {@link ExpertTensor}
 * (see {@link TensorTiles}): where prompts go through, products are the limit and not the weights' bytes. A work-group
 * has 128 weight rows and 16 tiles of x, a warp 64 rows and 4 tiles, so that what it loads from local memory goes into
 * four products. Sums are the same bits as those of the bodies for few rows, since they are made in the same order.
 */
public final class ManyRowsTensor {
    /** Tiles of x that a work-group multiplies at once. */
    public static final int PASS = 16;
    /** Weight rows of a work-group. */
    public static final int ROWS = 128;
    /** In {@code shape}: offsets of up to three matrices. */
    public static final int OFFSETS = 0;
    /** In {@code shape}: their distances from one expert to the next. */
    public static final int STRIDES = 3;
    /** In {@code shape}: the first work-group of the second matrix, and of the third. */
    public static final int BEGINS = 6;
    /** In {@code shape}: tiles of x that are too few for this body. */
    public static final int FEW = 8;
    /** In {@code shape}: logarithm of a tile's rows of x. */
    public static final int X_SHIFT = 9;
    /** In {@code shape}: the first expert's group, and 1 for experts, 0 for rows of a step. */
    public static final int FIRST_GROUP = 10;
    /** In {@code shape}: columns of the matrices. */
    public static final int COLS = 12;
    /** In {@code shape}: columns of packed x. */
    public static final int PADDED = 13;
    /** In {@code shape}: tiles of 16 rows, of all matrices. */
    public static final int TILES = 14;
    /** In {@code shape}: parts of the columns. */
    public static final int SPLITS = 15;
    /** In {@code shape}: work-groups that share the passes over x. */
    public static final int PARTS = 16;
    /** Elements of {@code shape}. */
    public static final int SHAPE = 17;

    private ManyRowsTensor() {}

    /**
     * Leaves sums where the bodies for few rows leave them. Each matrix has a multiple of {@link #ROWS} rows.
     *
     * @param counts where each group's pairs begin; or a step, of which element 1 is the number of rows
     * @param packed by {@link PackTensor}
     * @param shape sizes, which the compiler does not know, so that one compilation is for all matrices of a stride
     * @param stride elements between rows, of all matrices; known to the compiler, so that it is part of addresses
     */
    public static void multiply(
            KernelContext context,
            IntArray counts,
            IntArray packed,
            IntArray half2a,
            IntArray half2b,
            IntArray half2c,
            FloatArray scratch,
            IntArray shape,
            int stride) {
        int cols = shape.get(COLS);
        int padded = shape.get(PADDED);
        int tiles = shape.get(TILES);
        int splits = shape.get(SPLITS);
        int parts = shape.get(PARTS);
        int[] weights = context.allocateIntLocalArray(4096);
        int[] xs = context.allocateIntLocalArray(4096);
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int groups = tiles / 8;
        int part = context.groupIdx % parts;
        int split = context.groupIdx / parts % splits;
        int block = context.groupIdx / (parts * splits) % groups;
        int expert = context.groupIdx / (parts * splits * groups);
        int matrix = TensorTiles.matrixOf(block, shape.get(BEGINS), shape.get(BEGINS + 1));
        int rows = (block - TensorTiles.beginOf(matrix, shape.get(BEGINS), shape.get(BEGINS + 1))) * ROWS;
        int pairStride = stride / 2;
        int tileStride = 16 * pairStride;
        // A row of 32 columns has 16 threads, which load it from 8 tiles.
        int row = tid >> 4;
        int column = tid & 15;
        int start =
                (shape.get(OFFSETS + matrix) + expert * shape.get(STRIDES + matrix)) / 2 + (rows + row) * pairStride;
        // Columns before the first and beyond the last meet an x of 0.
        int last = cols / 2 - 1;
        int rounds = padded / (32 * splits);
        // Quarters of a row change places, so that no two rows of eight meet in a bank.
        int weightsTo = row * 16 + (((column >> 2) ^ (row >> 1 & 3)) << 2) + (column & 3);
        int swap = lane >> 1 & 3;
        int half = lane >> 4;
        int weightsFrom = (warp & 1) * 4096 + (lane & 15) * 32;
        int first0 = weightsFrom + ((half ^ swap) - half) * 16;
        int first1 = weightsFrom + (((2 + half) ^ swap) - half) * 16;
        int xFrom = (warp >> 1) * 2048;
        int xStride = padded * 4;
        int scratchStride = splits * tiles * 16;
        int isExpert = shape.get(FIRST_GROUP + 1);
        int group = (shape.get(FIRST_GROUP) + expert) * isExpert;
        int first = counts.get(group) * isExpert;
        int count = counts.get(group + 1) - first;
        int xShift = shape.get(X_SHIFT);
        int xTiles = (count + (1 << xShift) - 1) >> xShift;
        int firstTile = TensorTiles.firstTile(first, group, xShift);
        if (xTiles <= shape.get(FEW)) {
            xTiles = 0;
        }
        for (int pass = part * PASS; pass < xTiles; pass += parts * PASS) {
            // The first round multiplies zeros.
            for (int i = tid; i < 2048; i += 256) {
                weights[2048 + i] = 0;
                xs[2048 + i] = 0;
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
            float[] s20 = context.mmaFragment(0f);
            float[] s21 = context.mmaFragment(0f);
            float[] s22 = context.mmaFragment(0f);
            float[] s23 = context.mmaFragment(0f);
            float[] s30 = context.mmaFragment(0f);
            float[] s31 = context.mmaFragment(0f);
            float[] s32 = context.mmaFragment(0f);
            float[] s33 = context.mmaFragment(0f);
            int position = split * rounds * 16 + column - 4;
            int from = ((firstTile + pass + (tid >> 7)) * padded + split * rounds * 32) * 4 + (tid & 127);
            for (int round = 0; round <= rounds; round++) {
                // Loads first: they are under way while the last round's are multiplied.
                int at = start + TornadoMath.max(0, TornadoMath.min(position, last));
                int x0 = packed.get(from);
                int x1 = packed.get(from + 2 * xStride);
                int x2 = packed.get(from + 4 * xStride);
                int x3 = packed.get(from + 6 * xStride);
                int x4 = packed.get(from + 8 * xStride);
                int x5 = packed.get(from + 10 * xStride);
                int x6 = packed.get(from + 12 * xStride);
                int x7 = packed.get(from + 14 * xStride);
                int w0, w1, w2, w3, w4, w5, w6, w7;
                if (matrix == 0) {
                    w0 = half2a.get(at);
                    w1 = half2a.get(at + tileStride);
                    w2 = half2a.get(at + 2 * tileStride);
                    w3 = half2a.get(at + 3 * tileStride);
                    w4 = half2a.get(at + 4 * tileStride);
                    w5 = half2a.get(at + 5 * tileStride);
                    w6 = half2a.get(at + 6 * tileStride);
                    w7 = half2a.get(at + 7 * tileStride);
                } else if (matrix == 1) {
                    w0 = half2b.get(at);
                    w1 = half2b.get(at + tileStride);
                    w2 = half2b.get(at + 2 * tileStride);
                    w3 = half2b.get(at + 3 * tileStride);
                    w4 = half2b.get(at + 4 * tileStride);
                    w5 = half2b.get(at + 5 * tileStride);
                    w6 = half2b.get(at + 6 * tileStride);
                    w7 = half2b.get(at + 7 * tileStride);
                } else {
                    w0 = half2c.get(at);
                    w1 = half2c.get(at + tileStride);
                    w2 = half2c.get(at + 2 * tileStride);
                    w3 = half2c.get(at + 3 * tileStride);
                    w4 = half2c.get(at + 4 * tileStride);
                    w5 = half2c.get(at + 5 * tileStride);
                    w6 = half2c.get(at + 6 * tileStride);
                    w7 = half2c.get(at + 7 * tileStride);
                }
                int to = (round & 1) * 2048;
                int other = (2048 - to) * 4;
                int a0 = other + first0;
                int a1 = other + first1;
                int b = other + xFrom;
                HalfFloat[] w00 = context.mmaLoadA(weights, 16, a0);
                HalfFloat[] w01 = context.mmaLoadA(weights, 16, a0 + 1024);
                HalfFloat[] w02 = context.mmaLoadA(weights, 16, a0 + 2048);
                HalfFloat[] w03 = context.mmaLoadA(weights, 16, a0 + 3072);
                HalfFloat[] x00 = context.mmaLoadB(xs, 16, b);
                s00 = context.mma(w00, x00, s00, MMAShape.M16N8K16);
                s10 = context.mma(w01, x00, s10, MMAShape.M16N8K16);
                s20 = context.mma(w02, x00, s20, MMAShape.M16N8K16);
                s30 = context.mma(w03, x00, s30, MMAShape.M16N8K16);
                HalfFloat[] x01 = context.mmaLoadB(xs, 16, b + 512);
                s01 = context.mma(w00, x01, s01, MMAShape.M16N8K16);
                s11 = context.mma(w01, x01, s11, MMAShape.M16N8K16);
                s21 = context.mma(w02, x01, s21, MMAShape.M16N8K16);
                s31 = context.mma(w03, x01, s31, MMAShape.M16N8K16);
                HalfFloat[] x02 = context.mmaLoadB(xs, 16, b + 1024);
                s02 = context.mma(w00, x02, s02, MMAShape.M16N8K16);
                s12 = context.mma(w01, x02, s12, MMAShape.M16N8K16);
                s22 = context.mma(w02, x02, s22, MMAShape.M16N8K16);
                s32 = context.mma(w03, x02, s32, MMAShape.M16N8K16);
                HalfFloat[] x03 = context.mmaLoadB(xs, 16, b + 1536);
                s03 = context.mma(w00, x03, s03, MMAShape.M16N8K16);
                s13 = context.mma(w01, x03, s13, MMAShape.M16N8K16);
                s23 = context.mma(w02, x03, s23, MMAShape.M16N8K16);
                s33 = context.mma(w03, x03, s33, MMAShape.M16N8K16);
                HalfFloat[] w10 = context.mmaLoadA(weights, 16, a1);
                HalfFloat[] w11 = context.mmaLoadA(weights, 16, a1 + 1024);
                HalfFloat[] w12 = context.mmaLoadA(weights, 16, a1 + 2048);
                HalfFloat[] w13 = context.mmaLoadA(weights, 16, a1 + 3072);
                HalfFloat[] x10 = context.mmaLoadB(xs, 16, b + 256);
                s00 = context.mma(w10, x10, s00, MMAShape.M16N8K16);
                s10 = context.mma(w11, x10, s10, MMAShape.M16N8K16);
                s20 = context.mma(w12, x10, s20, MMAShape.M16N8K16);
                s30 = context.mma(w13, x10, s30, MMAShape.M16N8K16);
                HalfFloat[] x11 = context.mmaLoadB(xs, 16, b + 768);
                s01 = context.mma(w10, x11, s01, MMAShape.M16N8K16);
                s11 = context.mma(w11, x11, s11, MMAShape.M16N8K16);
                s21 = context.mma(w12, x11, s21, MMAShape.M16N8K16);
                s31 = context.mma(w13, x11, s31, MMAShape.M16N8K16);
                HalfFloat[] x12 = context.mmaLoadB(xs, 16, b + 1280);
                s02 = context.mma(w10, x12, s02, MMAShape.M16N8K16);
                s12 = context.mma(w11, x12, s12, MMAShape.M16N8K16);
                s22 = context.mma(w12, x12, s22, MMAShape.M16N8K16);
                s32 = context.mma(w13, x12, s32, MMAShape.M16N8K16);
                HalfFloat[] x13 = context.mmaLoadB(xs, 16, b + 1792);
                s03 = context.mma(w10, x13, s03, MMAShape.M16N8K16);
                s13 = context.mma(w11, x13, s13, MMAShape.M16N8K16);
                s23 = context.mma(w12, x13, s23, MMAShape.M16N8K16);
                s33 = context.mma(w13, x13, s33, MMAShape.M16N8K16);
                int weightsAt = to + weightsTo;
                weights[weightsAt] = w0;
                weights[weightsAt + 256] = w1;
                weights[weightsAt + 512] = w2;
                weights[weightsAt + 768] = w3;
                weights[weightsAt + 1024] = w4;
                weights[weightsAt + 1280] = w5;
                weights[weightsAt + 1536] = w6;
                weights[weightsAt + 1792] = w7;
                int xAt = to + tid;
                xs[xAt] = x0;
                xs[xAt + 256] = x1;
                xs[xAt + 512] = x2;
                xs[xAt + 768] = x3;
                xs[xAt + 1024] = x4;
                xs[xAt + 1280] = x5;
                xs[xAt + 1536] = x6;
                xs[xAt + 1792] = x7;
                context.localBarrier();
                position += 16;
                from += 128;
            }
            int xTile = pass + (warp >> 1) * 4;
            int scratchAt = (((firstTile + xTile) * splits + split) * tiles + block * 8 + (warp & 1) * 4) * 16;
            if (xTile < xTiles) {
                context.mmaStore(s00, scratch, scratchAt, 0, 8);
                context.mmaStore(s10, scratch, scratchAt + 16, 0, 8);
                context.mmaStore(s20, scratch, scratchAt + 32, 0, 8);
                context.mmaStore(s30, scratch, scratchAt + 48, 0, 8);
            }
            if (xTile + 1 < xTiles) {
                context.mmaStore(s01, scratch, scratchAt + scratchStride, 0, 8);
                context.mmaStore(s11, scratch, scratchAt + scratchStride + 16, 0, 8);
                context.mmaStore(s21, scratch, scratchAt + scratchStride + 32, 0, 8);
                context.mmaStore(s31, scratch, scratchAt + scratchStride + 48, 0, 8);
            }
            if (xTile + 2 < xTiles) {
                context.mmaStore(s02, scratch, scratchAt + 2 * scratchStride, 0, 8);
                context.mmaStore(s12, scratch, scratchAt + 2 * scratchStride + 16, 0, 8);
                context.mmaStore(s22, scratch, scratchAt + 2 * scratchStride + 32, 0, 8);
                context.mmaStore(s32, scratch, scratchAt + 2 * scratchStride + 48, 0, 8);
            }
            if (xTile + 3 < xTiles) {
                context.mmaStore(s03, scratch, scratchAt + 3 * scratchStride, 0, 8);
                context.mmaStore(s13, scratch, scratchAt + 3 * scratchStride + 16, 0, 8);
                context.mmaStore(s23, scratch, scratchAt + 3 * scratchStride + 32, 0, 8);
                context.mmaStore(s33, scratch, scratchAt + 3 * scratchStride + 48, 0, 8);
            }
        }
    }
}
