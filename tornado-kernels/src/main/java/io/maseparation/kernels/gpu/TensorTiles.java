package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Pieces of the bodies that multiply fp16 weights with tensor cores, which TornadoVM inlines.
 *
 * <p>A warp multiplies 16 weight rows with 4 rows of x at a time, 64 columns a round. Weights are the left operand. The right
 * one has 8 columns: x rounded to fp16 in the first four, and what rounding left of it, times 2048, in the others. Both
 * products of fp16 numbers are exact and summed in fp32, of which the hardware cuts off low bits: errors are some ten
 * times those of fp32, and not those of fp16. That holds for x of magnitude up to
 * 65504; beyond that fp16 ends, and x is cut off. An infinite x gives NaN. The sums of one row of x do not depend on the others.
 *
 * <p>TornadoVM's compiler computes what does not change in a loop before it, one register a number, until a work-group has a
 * multiprocessor for itself. So tiles move by 16 bytes in every second round, and positions are carried from round to round.
 *
 * <p>Kernels store to local memory themselves: TornadoVM 5.2 takes a local array that an inlined method was given for one on
 * the heap, and computes its addresses wrongly without a word.
 *
 * <p>Weights are read as integers of two fp16 each, which halves the loads. Their kernels' parameters are named half2…
 * because TornadoVM's CUDA backend includes CUDA's fp16 header where the source has that word, and the tile of x needs it.
 */
public final class TensorTiles {
    /** Weight rows of a warp. */
    public static final int ROWS = 16;
    /** Rows of x that a pass over the weights serves: six tiles of 4. */
    static final int X_ROWS = 24;
    /** Floats of an accumulator: 16 rows, 8 columns. */
    private static final int SUMS = 128;
    private static final float REST_SCALE = 2048f;
    private static final float LARGEST = 65504f;
    private static final float SMALLEST_NORMAL = 0x1p-14f;

    private TensorTiles() {}

    /**
     * Warps that share the columns of a weight row, each taking every n-th round of 64: few rows keep a GPU busy only so. It
     * decides the order of the sum, so it follows from the matrix alone.
     *
     * @param enough rows that need no sharing
     * @param most the most warps
     */
    public static int splits(int rows, int cols, int enough, int most) {
        // Each warp has two rounds at least.
        return rows >= enough ? 1 : Math.clamp(Integer.highestOneBit(Math.max(1, cols / 128)), 1, most);
    }

    /** Work-groups of a matrix of so many rows. */
    public static int groups(int rows, int tilesOfGroup) {
        return Math.ceilDiv(Math.ceilDiv(rows, ROWS), tilesOfGroup);
    }

    /** Floats of scratch memory that a task needs. */
    public static int scratch(int warps) {
        return Math.multiplyExact(warps, X_ROWS / 4 * SUMS);
    }

    /**
     * Where a lane's pair of columns of the first row of weights belongs in local memory: a tile has 544 integers, four steps
     * of 16 columns with 8 integers between them, so that stores meet no bank twice. The next row is 8 further.
     */
    static int weightsAt(int lane) {
        return lane / 8 * 136 + lane % 8;
    }

    /**
     * Where element {@code i} of a round's x belongs in local memory: tiles of 4 rows have 512 halves, four steps of 16 columns
     * by 8, swizzled as the load of the fragment wants it. What rounding left of the element goes 4 further.
     */
    static int xAt(int i) {
        int k = column(i);
        return i / 256 * 512 + k / 16 * 128 + (k % 16 ^ (k >> 3 & 1)) * 8 + i % 4;
    }

    /** Row of element {@code i} of a round's x: tiles of 4 rows by 64 columns, columns one after the other. */
    static int row(int i) {
        return i / 256 * 4 + i % 4;
    }

    /** Its column. */
    static int column(int i) {
        return i / 4 % 64;
    }

    /** Row of its matrix where a tile begins: the last one lies over the one before where the rows are no multiple of 16. */
    static int firstRow(int tile, int rows) {
        return TornadoMath.min(tile * 16, rows - 16);
    }

    /** x within what fp16 can hold; NaN and the infinities become NaN, which minimum and maximum of a GPU do not keep. */
    static float clamped(float x) {
        return TornadoMath.min(TornadoMath.max(x, -LARGEST), LARGEST) + x * 0f;
    }

    /** The nearest fp16, as a float. */
    static float rounded(float v) {
        // A difference of large numbers has no low bits: 11 are left of v's 24. The limit, which v never reaches, keeps
        // compilers from fusing product and difference, whereby all bits would be left.
        float scaled = TornadoMath.min(v * 8193f, 1e9f);
        float rounded = scaled - (scaled - v);
        if (TornadoMath.abs(v) < SMALLEST_NORMAL) {
            // Below fp16's normal numbers a multiple of 2^-24, the last bit of 0.75.
            float shifted = v + 0.75f;
            rounded = shifted - 0.75f;
        }
        return rounded;
    }

    /** What rounding left of v, enlarged so that an fp16 holds it. */
    static float rest(float v, float rounded) {
        return (v - rounded) * REST_SCALE;
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
