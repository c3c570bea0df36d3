package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Checks that rotary embedding and both attentions share. */
public final class AttentionShapes {
    private AttentionShapes() {}

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
        Require.length(operation, "vCache", vCache, kCache.getSize());
    }

    /** Rows that the buffer of queries, keys and values holds. */
    public static int rows(FloatArray qkv, int heads, int kvHeads, int headDim) {
        return qkv.getSize() / ((heads + 2 * kvHeads) * headDim);
    }
}
