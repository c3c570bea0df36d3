package io.maseparation.kernels;

import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Pieces of the bodies that multiply fp16 weights with tensor cores, which TornadoVM inlines.
 *
 * <p>A warp multiplies 16 weight rows with 4 rows of x at a time, 64 columns a round. Weights are the left operand. The right
 * one has 8 columns: x rounded to fp16 in the first four, and what rounding left of it, times 2048, in the others. Both
 * products of fp16 numbers are exact and summed in fp32, so the result has nearly fp32's accuracy, for x of magnitude up to
 * 65504; beyond that fp16 ends, and x is cut off. The sums of one row of x do not depend on the others.
 *
 * <p>Weights are read as integers of two fp16 each, which halves the loads. Their kernels' parameters are named half2…
 * because TornadoVM's CUDA backend includes CUDA's fp16 header where the source has that word, and the tile of x needs it.
 */
final class TensorTiles {
    /** Threads of a work-group: eight warps. */
    static final int GROUP = 256;

    static final int WARPS = GROUP / Workers.WARP;
    /** Weight rows of a warp. */
    static final int ROWS = 16;
    /** Rows of x that a pass over the weights serves: six tiles of 4. */
    static final int X_ROWS = 24;
    /** Floats of an accumulator: 16 rows, 8 columns. */
    private static final int SUMS = 128;
    /** Floats of scratch memory that a work-group needs: six accumulators a warp. */
    private static final int SCRATCH = WARPS * X_ROWS / 4 * SUMS;

    private static final float REST_SCALE = 2048f;
    private static final float LARGEST = 65504f;
    private static final float SMALLEST_NORMAL = 0x1p-14f;

    private TensorTiles() {}

    /**
     * Warps that share the columns of a weight row, each taking every n-th round of 64: few rows keep a GPU busy only so. It
     * decides the order of the sum, so it follows from the matrix alone.
     */
    static int splits(int rows, int cols) {
        int most = rows >= 8192 ? 2 : 4;
        // Each warp has two rounds at least.
        return Math.max(1, Math.min(most, Integer.highestOneBit(Math.max(1, cols / 128))));
    }

    /** Work-groups of a matrix of so many rows, or of two of them side by side. */
    static int groups(int rows, int splits, int matrices) {
        return Math.ceilDiv(Math.ceilDiv(rows, ROWS), WARPS / splits / matrices);
    }

    /** Floats of scratch memory that a task needs. */
    static int scratch(int groups) {
        return Math.multiplyExact(groups, SCRATCH);
    }

    /**
     * Whether tensor cores can multiply a matrix here: fp16, on pairs of elements.
     *
     * @param strides further distances within the array
     */
    static boolean suits(KernelTarget target, WeightMatrix w, int... strides) {
        return target.tensorCores()
                && target.choose().body() == Body.GPU
                && w.type() == DataType.F16
                && w.cols() > 0
                && w.offset() % 2 == 0
                && w.cols() % 2 == 0
                && w.rowStride() % 2 == 0
                && IntStream.of(strides).allMatch(s -> s % 2 == 0);
    }

    /**
     * Copies 16 weight rows, 64 columns, to local memory; rows beyond the matrix repeat its last one. A tile has 544 integers:
     * four steps of 16 columns with 8 integers between them, so that the stores meet no bank twice.
     *
     * @param rowAt element where the first row begins, even
     * @param rowsLeft rows of the matrix from there on
     * @param pair column of this lane, in pairs
     */
    static void stageWeights(
            IntArray half2s, int rowAt, int stride, int rowsLeft, int pair, int[] tile, int tileAt, int lane) {
        int last = rowsLeft - 1;
        int at = (rowAt >> 1) + pair;
        int step = stride >> 1;
        int w0 = half2s.get(at);
        int w1 = half2s.get(at + TornadoMath.min(1, last) * step);
        int w2 = half2s.get(at + TornadoMath.min(2, last) * step);
        int w3 = half2s.get(at + TornadoMath.min(3, last) * step);
        int w4 = half2s.get(at + TornadoMath.min(4, last) * step);
        int w5 = half2s.get(at + TornadoMath.min(5, last) * step);
        int w6 = half2s.get(at + TornadoMath.min(6, last) * step);
        int w7 = half2s.get(at + TornadoMath.min(7, last) * step);
        int w8 = half2s.get(at + TornadoMath.min(8, last) * step);
        int w9 = half2s.get(at + TornadoMath.min(9, last) * step);
        int w10 = half2s.get(at + TornadoMath.min(10, last) * step);
        int w11 = half2s.get(at + TornadoMath.min(11, last) * step);
        int w12 = half2s.get(at + TornadoMath.min(12, last) * step);
        int w13 = half2s.get(at + TornadoMath.min(13, last) * step);
        int w14 = half2s.get(at + TornadoMath.min(14, last) * step);
        int w15 = half2s.get(at + TornadoMath.min(15, last) * step);
        int to = tileAt + lane / 8 * 136 + lane % 8;
        tile[to] = w0;
        tile[to + 8] = w1;
        tile[to + 16] = w2;
        tile[to + 24] = w3;
        tile[to + 32] = w4;
        tile[to + 40] = w5;
        tile[to + 48] = w6;
        tile[to + 56] = w7;
        tile[to + 64] = w8;
        tile[to + 72] = w9;
        tile[to + 80] = w10;
        tile[to + 88] = w11;
        tile[to + 96] = w12;
        tile[to + 104] = w13;
        tile[to + 112] = w14;
        tile[to + 120] = w15;
    }

    /**
     * Puts an element of x, of row {@code t} of a tile's 4 and column {@code k} of 64, into local memory. A tile has 512 halves:
     * four steps of 16 columns by 8, swizzled as the load of the fragment wants it.
     */
    static void stageX(float x, HalfFloat[] tile, int tileAt, int t, int k) {
        float v = TornadoMath.min(TornadoMath.max(x, -LARGEST), LARGEST);
        // Rounds to the 11 bits of an fp16, since a difference of large numbers has no low bits, and below its normal numbers
        // to a multiple of 2^-24, the last bit of 0.75.
        float scaled = v * 8193f;
        float rounded = scaled - (scaled - v);
        if (TornadoMath.abs(v) < SMALLEST_NORMAL) {
            float shifted = v + 0.75f;
            rounded = shifted - 0.75f;
        }
        int at = tileAt + k / 16 * 128 + (k % 16 ^ (k >> 3 & 1)) * 8 + t;
        tile[at] = new HalfFloat(rounded);
        tile[at + 4] = new HalfFloat((v - rounded) * REST_SCALE);
    }

    /**
     * The sum over the warps that share a weight row, of row {@code r} of 16 and row {@code t} of 24 of x.
     *
     * @param warp the first of them, counted over all work-groups
     */
    static float sum(FloatArray scratch, int warp, int splits, int r, int t) {
        float whole = 0f;
        float rest = 0f;
        for (int s = 0; s < splits; s++) {
            int at = ((warp + s) * 6 + t / 4) * 128 + r * 8 + t % 4;
            whole += scratch.get(at);
            rest += scratch.get(at + 4);
        }
        return whole + rest * (1f / 2048f);
    }
}
