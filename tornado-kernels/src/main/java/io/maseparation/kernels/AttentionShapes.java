package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * What rotary embedding and both attentions share: the layout of the KV cache, and checks.
 *
 * <p>A cache is a pool of blocks of {@value #BLOCK} positions, [blocks, kvHeads, BLOCK, headDim], and each sequence has
 * a table of the blocks that hold its positions (PagedAttention, Kwon et al., arXiv 2309.06180). An array says where
 * rows are: [rows, 3], the position of the row, the index in this array where the table of its sequence begins, and the
 * row of the rotary table; then the tables. With {@code t} the second of these, the element of a position p is {@code
 * ((rowInfo[t + p / BLOCK] · kvHeads + kvHead) · BLOCK + p mod BLOCK) · headDim + d}.
 */
public final class AttentionShapes {
    /** Positions of a block of the cache: a multiple of what the bodies take of a sequence at once. */
    public static final int BLOCK = 64;

    private AttentionShapes() {}

    /**
     * {@return blocks that hold a number of positions}
     *
     * @param positions number of positions of a sequence
     */
    public static int blocks(int positions) {
        return Math.ceilDiv(positions, BLOCK);
    }

    /**
     * Checks the arguments of an operation.
     *
     * @param operation its name
     * @param step [3]: first row, number of rows, how many of them are rows of prompts; those come first
     * @param qkv [rows, (heads + 2 kvHeads) headDim]: queries, keys, values
     * @param rowInfo where rows are, as above
     * @param kvType F32 or F16
     * @param kCache keys
     * @param vCache values
     * @param heads query heads
     * @param kvHeads key and value heads
     * @param headDim columns of a head
     * @throws IllegalArgumentException if shapes do not fit together or the cache has another type
     */
    public static void check(
            String operation,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            DataType kvType,
            TornadoNativeArray kCache,
            TornadoNativeArray vCache,
            int heads,
            int kvHeads,
            int headDim) {
        Require.step(operation, step);
        Require.atLeast(operation, "headDim", headDim, 1);
        Require.multiple(operation, "heads", heads, kvHeads);
        Require.length(operation, "qkv", qkv, (heads + 2L * kvHeads) * headDim);
        Require.length(operation, "rowInfo", rowInfo, 3L * rows(qkv, heads, kvHeads, headDim));
        Class<?> expected =
                switch (kvType) {
                    case F32 -> FloatArray.class;
                    case F16 -> HalfFloatArray.class;
                    case BF16 -> throw new IllegalArgumentException(
                            operation + ": kvType is BF16, expected F32 or F16");
                };
        Require.type(operation, "kCache", kCache, expected);
        Require.type(operation, "vCache", vCache, expected);
        Require.multiple(operation, "kCache", kCache.getSize(), Math.multiplyExact(kvHeads * headDim, BLOCK));
        Require.length(operation, "vCache", vCache, kCache.getSize());
    }

    /** Rows that the buffer of queries, keys and values holds. */
    public static int rows(FloatArray qkv, int heads, int kvHeads, int headDim) {
        return qkv.getSize() / ((heads + 2 * kvHeads) * headDim);
    }
}
