package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Pieces of the bodies that multiply fp16 weights with tensor cores, which TornadoVM inlines.
 *
 * <p>An operation is three tasks, and more where other bodies take the groups with many rows. {@link PackTensor} writes
 * x as fp16 in tiles of 4 rows, in the order in which it is multiplied. {@code multiply} leaves sums, and {@code sum}
 * adds them up and stores results.
 *
 * <p>A warp multiplies 16 weight rows with up to 8 tiles of x, 64 columns per round; the 8 warps of a work-group share
 * the x of a round. Weights are the left operand. The right one has 8 columns: x rounded to fp16 in the first four, and
 * what rounding left of it, times 2048, in the others. Both products of fp16 numbers are exact and summed in fp32, of
 * which the hardware cuts off low bits: errors are some ten times those of fp32, and not those of fp16. That holds for
 * x of magnitude up to 65504, where fp16 ends; beyond that x gives NaN. The sums of one row of x do not depend on the
 * others.
 *
 * <p>With activations of fp16 the right operand has eight rows of x, and nothing of what rounding left: errors of a
 * product are up to 2^-11 of it.
 *
 * <p>Few weight rows keep a GPU busy only if work-groups share their columns. How many do, and so the order of a sum,
 * follows from the matrix alone.
 *
 * <p>TornadoVM's compiler computes what does not change in a loop before it, one register per number, until a
 * work-group has a multiprocessor for itself. So tiles move by 16 bytes in every other round, and positions are carried
 * from round to round.
 *
 * <p>Kernels store to local memory themselves: TornadoVM 5.2 takes a local array that an inlined method was given for
 * one on the heap, and computes its addresses wrongly without a word.
 *
 * <p>Weights are read as integers of two fp16 each, which halves the loads. Their kernels' parameters are named half2…
 * because TornadoVM's CUDA backend includes CUDA's fp16 header where the source has that word, and fragments need it.
 */
public final class TensorTiles {
    /** Weight rows of a warp. */
    public static final int ROWS = 16;
    /** Warps of a work-group. */
    public static final int WARPS = 8;
    /** Rows of x that a work-group multiplies at once. */
    public static final int PASS = 32;
    /** Rows of a tile of x with what rounding left. */
    public static final int X_ROWS = 4;
    /** Columns of a round. */
    public static final int ROUND = 64;
    /**
     * Columns of 0 before those of x. TornadoVM's arrays begin 16 bytes after where a device's memory is aligned: with
     * these a warp's load of 128 bytes of a row of weights is one line of the cache instead of parts of two.
     */
    public static final int LEAD = 8;
    /** Floats of an accumulator: 16 rows, 8 columns. */
    private static final int SUMS = 128;
    private static final int MOST_SPLITS = 8;
    /** Fewer rounds are not worth a work-group. */
    private static final int FEWEST_ROUNDS = 4;
    private static final float REST_SCALE = 2048f;
    private static final float LARGEST = 65504f;
    private static final float HUGE = 1e38f;
    private static final float SMALLEST_NORMAL = 0x1p-14f;

    private TensorTiles() {}

    /**
     * Work-groups that share the columns of a weight row.
     *
     * @param groups work-groups without sharing
     * @param enough work-groups that need no sharing
     */
    public static int splits(int groups, int cols, int enough) {
        int splits = 1;
        while (splits < MOST_SPLITS && groups * splits < enough && cols >= 2 * splits * FEWEST_ROUNDS * ROUND) {
            splits *= 2;
        }
        return splits;
    }

    /** Columns of x as packed, with those before the first: whole rounds, as many for each split. */
    public static int padded(int cols, int splits) {
        return Math.ceilDiv(LEAD + cols, ROUND * splits) * ROUND * splits;
    }

    /** Tiles of {@code rows} weight rows. */
    public static int tiles(int rows) {
        return Math.ceilDiv(rows, ROWS);
    }

    /** Integers of {@code xTiles} tiles of x; a work-group reads a whole pass and one round further. */
    public static int packed(int xTiles, int padded) {
        return Math.multiplyExact(xTiles + ManyRowsTensor.PASS + 1, 4 * padded);
    }

    /** Floats that the sums of {@code xTiles} tiles of x, up to a whole pass, with all tiles of weights take. */
    public static int scratch(int xTiles, int splits, int tiles) {
        return Math.multiplyExact(Math.multiplyExact(xTiles + PASS / X_ROWS, splits), tiles * SUMS);
    }

    /**
     * Tile of x where the pairs of a group begin, the first of them being pair {@code first}: no two groups
     * share a tile.
     *
     * @param xShift logarithm of a tile's rows of x
     */
    static int firstTile(int first, int group, int xShift) {
        return (first >> xShift) + group;
    }

    /** How many of a lane's groups begin at tile {@code xTile} of x or before. */
    static float begun(IntArray offsets, int firstGroup, int groups, int xTile, int lane, int xShift) {
        float begun = 0f;
        for (int g = lane; g < groups; g += 32) {
            if (firstTile(offsets.get(firstGroup + g), firstGroup + g, xShift) <= xTile) {
                begun += 1f;
            }
        }
        return begun;
    }

    /**
     * Bytes from where {@code mmaLoadA} takes a lane's row of weights to where it is: a tile has 576 integers, 36 for a
     * row, so that no two rows of eight meet in a bank.
     */
    static int rowOf(int lane) {
        return (lane & 15) * 112;
    }

    /** Number of rows, or 0 if there are more than {@code most}, which other bodies multiply. */
    static int few(int rows, int most) {
        int few = rows;
        if (rows > most) {
            few = 0;
        }
        return few;
    }

    /** Number of rows, or 0 if there are not more than {@code few}, or more than {@code most}. */
    static int middle(int rows, int few, int most) {
        int middle = few(rows, most);
        if (rows <= few) {
            middle = 0;
        }
        return middle;
    }

    /** Number of tiles that rows of x take. */
    static int tilesOf(int rows, int xShift) {
        return (rows + (1 << xShift) - 1) >> xShift;
    }

    /** Which matrix a work-group is of, where the second and the third begin with the given ones. */
    static int matrixOf(int block, int second, int third) {
        int matrix = 0;
        if (block >= second) {
            matrix = 1;
        }
        if (block >= third) {
            matrix = 2;
        }
        return matrix;
    }

    /** The first work-group of a matrix. */
    static int beginOf(int matrix, int second, int third) {
        int begin = 0;
        if (matrix == 1) {
            begin = second;
        }
        if (matrix == 2) {
            begin = third;
        }
        return begin;
    }

    /**
     * Row of its matrix where a tile begins: the last one lies over the one before where the rows are no
     * multiple of 16.
     */
    static int firstRow(int tile, int rows) {
        return TornadoMath.min(tile * 16, rows - 16);
    }

    /** Row among those of whole tiles where row {@code r} of a matrix is. */
    static int scratchRow(int r, int rows) {
        int tile = r >> 4;
        return tile * 16 + r - firstRow(tile, rows);
    }

    /** x, or NaN where fp16 cannot hold it: what would be cut off must not pass for a number. */
    static float held(float x) {
        // Above 0 from the next float after fp16's largest on, then infinite, then NaN. Minimum and maximum of a GPU
        // lose a NaN, so x is added.
        float beyond = TornadoMath.max(TornadoMath.abs(x), LARGEST) - LARGEST;
        return x + beyond * HUGE * HUGE * 0f;
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

    /** Two numbers that fp16 can hold, as fp16 in an integer, the lower first. */
    static int pair(float low, float high) {
        return bits(low) | bits(high) << 16;
    }

    /** Bits of a number that fp16 can hold, or of NaN: TornadoVM's PTX backend has no way to them from a float. */
    private static int bits(float v) {
        float size = TornadoMath.abs(v);
        // 0 for NaN. A comparison would not do: TornadoVM turns some round and forgets that NaN is neither.
        int number = (int) (size * 0f + 1f);
        int code = (int) (size * 0x1p24f);
        if (size >= SMALLEST_NORMAL) {
            float m = size * 0x1p14f;
            int exponent = 1;
            if (m >= 65536f) {
                m *= 0x1p-16f;
                exponent += 16;
            }
            if (m >= 256f) {
                m *= 0x1p-8f;
                exponent += 8;
            }
            if (m >= 16f) {
                m *= 0x1p-4f;
                exponent += 4;
            }
            if (m >= 4f) {
                m *= 0x1p-2f;
                exponent += 2;
            }
            if (m >= 2f) {
                m *= 0.5f;
                exponent += 1;
            }
            code = (exponent << 10) + (int) ((m - 1f) * 1024f);
        }
        if (v < 0f) {
            code += 0x8000;
        }
        return code * number + 0x7E00 * (1 - number);
    }

    /**
     * The sum of row {@code r} among those of whole tiles and row {@code t} of a tile of x.
     *
     * @param tiles tiles of weights
     * @param xShift logarithm of a tile's rows of x: 2 where what rounding left stands beside them, or 3
     */
    static float sum(FloatArray scratch, int xTile, int t, int r, int tiles, int splits, int xShift) {
        float whole = 0f;
        float rest = 0f;
        // No condition: TornadoVM's PTX backend takes a wrong register for one that is always true.
        int restOf = 3 - xShift;
        for (int s = 0; s < splits; s++) {
            int at = ((xTile * splits + s) * tiles * 16 + r) * 8 + t;
            whole += scratch.get(at);
            rest += scratch.get(at + 4 * restOf);
        }
        return whole + rest * (restOf / 2048f);
    }
}
