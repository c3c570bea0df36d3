package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Checks that rotary embedding and both attentions share. */
public final class AttentionShapes {
    private AttentionShapes() {}

    /**
     * Checks the arguments of an operation.
     *
     * @param operation its name
     * @param step [3]: first row, number of rows, how many of them are rows of prompts; those come first
     * @param qkv [rows, (heads + 2 kvHeads) headDim]: queries, keys, values
     * @param rowInfo where rows are, as {@link KvCache} says
     * @param cache keys and values
     * @param heads query heads
     * @throws IllegalArgumentException if shapes do not fit together
     */
    public static void check(
            String operation, IntArray step, FloatArray qkv, IntArray rowInfo, KvCache cache, int heads) {
        Require.step(operation, step);
        Require.multiple(operation, "heads", heads, cache.heads());
        Require.length(operation, "qkv", qkv, (heads + 2L * cache.heads()) * cache.headDim());
        Require.length(operation, "rowInfo", rowInfo, 3L * rows(qkv, heads, cache));
    }

    /**
     * {@return rows that the buffer of queries, keys and values holds}
     *
     * @param qkv the buffer
     * @param heads query heads
     * @param cache keys and values
     */
    public static int rows(FloatArray qkv, int heads, KvCache cache) {
        return qkv.getSize() / ((heads + 2 * cache.heads()) * cache.headDim());
    }
}
