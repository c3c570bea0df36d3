package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies that write x as tensor cores take it (see {@link TensorTiles}): tiles of 4 rows, of each column four
 * integers: the rows rounded to fp16 in pairs, and what rounding left, in pairs; or of 8 rows rounded to fp16. A
 * work-group has some columns of a tile. Rows and columns beyond the last are 0, and so are {@link TensorTiles#LEAD}
 * columns before the first.
 */
public final class PackTensor {
    /** Threads of a work-group. */
    public static final int GROUP = 256;

    /** Columns of a work-group. */
    public static final int COLUMNS = 256;

    private PackTensor() {}

    /**
     * The rows of a step, four after four.
     *
     * <p>All sizes are in {@code shape}: a compiler that knows them compiles again for every matrix, and TornadoVM's
     * PTX backend takes a wrong register for a condition that is always true.
     *
     * @param shape as {@link ProjectionTensor} says
     */
    public static void rows(
            KernelContext context,
            IntArray step,
            FloatArray x,
            IntArray packed,
            IntArray shape) {
        int cols = shape.get(ProjectionTensor.COLS);
        int padded = shape.get(ProjectionTensor.PADDED);
        int chunks = shape.get(ProjectionTensor.CHUNKS);
        int xTile = context.groupIdx / chunks;
        int from = context.groupIdx % chunks * COLUMNS - TensorTiles.LEAD;
        int count = step.get(1) - xTile * 4;
        int at = (step.get(0) + xTile * 4) * cols;
        int to = 0;
        if (count > 0) {
            to = TornadoMath.min(from + COLUMNS, padded - TensorTiles.LEAD);
        }
        for (int c = from + context.localIdx; c < to; c += 256) {
            float v0 = 0f;
            float v1 = 0f;
            float v2 = 0f;
            float v3 = 0f;
            if (c >= 0 && c < cols) {
                v0 = TensorTiles.held(x.get(at + c));
                if (count > 1) {
                    v1 = TensorTiles.held(x.get(at + cols + c));
                }
                if (count > 2) {
                    v2 = TensorTiles.held(x.get(at + 2 * cols + c));
                }
                if (count > 3) {
                    v3 = TensorTiles.held(x.get(at + 3 * cols + c));
                }
            }
            float near0 = TensorTiles.rounded(v0);
            float near1 = TensorTiles.rounded(v1);
            float near2 = TensorTiles.rounded(v2);
            float near3 = TensorTiles.rounded(v3);
            float rest0 = TensorTiles.rounded(TensorTiles.rest(v0, near0));
            float rest1 = TensorTiles.rounded(TensorTiles.rest(v1, near1));
            float rest2 = TensorTiles.rounded(TensorTiles.rest(v2, near2));
            float rest3 = TensorTiles.rounded(TensorTiles.rest(v3, near3));
            int to4 = (xTile * padded + TensorTiles.LEAD + c) * 4;
            packed.set(to4, TensorTiles.pair(near0, near1));
            packed.set(to4 + 1, TensorTiles.pair(near2, near3));
            packed.set(to4 + 2, TensorTiles.pair(rest0, rest1));
            packed.set(to4 + 3, TensorTiles.pair(rest2, rest3));
        }
    }

    /** The same, eight rows per tile, each rounded to fp16 and nothing else. */
    public static void rowsF16(
            KernelContext context,
            IntArray step,
            FloatArray x,
            IntArray packed,
            IntArray shape) {
        int cols = shape.get(ProjectionTensor.COLS);
        int padded = shape.get(ProjectionTensor.PADDED);
        int chunks = shape.get(ProjectionTensor.CHUNKS);
        int xTile = context.groupIdx / chunks;
        int from = context.groupIdx % chunks * COLUMNS - TensorTiles.LEAD;
        int count = step.get(1) - xTile * 8;
        int at = (step.get(0) + xTile * 8) * cols;
        int to = 0;
        if (count > 0) {
            to = TornadoMath.min(from + COLUMNS, padded - TensorTiles.LEAD);
        }
        for (int c = from + context.localIdx; c < to; c += 256) {
            float v0 = 0f;
            float v1 = 0f;
            float v2 = 0f;
            float v3 = 0f;
            float v4 = 0f;
            float v5 = 0f;
            float v6 = 0f;
            float v7 = 0f;
            if (c >= 0 && c < cols) {
                v0 = TensorTiles.held(x.get(at + c));
                if (count > 1) {
                    v1 = TensorTiles.held(x.get(at + cols + c));
                }
                if (count > 2) {
                    v2 = TensorTiles.held(x.get(at + 2 * cols + c));
                }
                if (count > 3) {
                    v3 = TensorTiles.held(x.get(at + 3 * cols + c));
                }
                if (count > 4) {
                    v4 = TensorTiles.held(x.get(at + 4 * cols + c));
                }
                if (count > 5) {
                    v5 = TensorTiles.held(x.get(at + 5 * cols + c));
                }
                if (count > 6) {
                    v6 = TensorTiles.held(x.get(at + 6 * cols + c));
                }
                if (count > 7) {
                    v7 = TensorTiles.held(x.get(at + 7 * cols + c));
                }
            }
            int to4 = (xTile * padded + TensorTiles.LEAD + c) * 4;
            packed.set(to4, TensorTiles.pair(TensorTiles.rounded(v0), TensorTiles.rounded(v1)));
            packed.set(to4 + 1, TensorTiles.pair(TensorTiles.rounded(v2), TensorTiles.rounded(v3)));
            packed.set(to4 + 2, TensorTiles.pair(TensorTiles.rounded(v4), TensorTiles.rounded(v5)));
            packed.set(to4 + 3, TensorTiles.pair(TensorTiles.rounded(v6), TensorTiles.rounded(v7)));
        }
    }

    /**
     * Rows of pairs of row and expert, those of an expert four after four, from a tile that no other expert has.
     *
     * @param offsets where each group's pairs begin
     * @param shape as {@link ExpertTensor} says
     */
    public static void pairs(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            IntArray packed,
            IntArray shape) {
        int cols = shape.get(ExpertTensor.COLS);
        int groups = shape.get(ExpertTensor.GROUPS);
        int xStride = shape.get(ExpertTensor.X_STRIDE);
        int padded = shape.get(ExpertTensor.PADDED);
        int slots = shape.get(ExpertTensor.SLOTS);
        int chunks = shape.get(ExpertTensor.CHUNKS);
        int xTile = context.groupIdx / chunks;
        int from = context.groupIdx % chunks * COLUMNS - TensorTiles.LEAD;
        int lane = context.localIdx & 31;
        float begun = context.simdSum(TensorTiles.begun(offsets, 0, groups, xTile, lane, 2));
        int group = (int) begun - 1;
        int first = offsets.get(group);
        int p = first + (xTile - TensorTiles.firstTile(first, group, 2)) * 4;
        int count = offsets.get(group + 1) - p;
        int to = 0;
        if (count > 0) {
            to = TornadoMath.min(from + COLUMNS, padded - TensorTiles.LEAD);
        }
        for (int c = from + context.localIdx; c < to; c += 256) {
            float v0 = 0f;
            float v1 = 0f;
            float v2 = 0f;
            float v3 = 0f;
            if (c >= 0 && c < cols) {
                v0 = TensorTiles.held(x.get(rowOf(pairs, p, slots) * xStride + c));
                if (count > 1) {
                    v1 = TensorTiles.held(x.get(rowOf(pairs, p + 1, slots) * xStride + c));
                }
                if (count > 2) {
                    v2 = TensorTiles.held(x.get(rowOf(pairs, p + 2, slots) * xStride + c));
                }
                if (count > 3) {
                    v3 = TensorTiles.held(x.get(rowOf(pairs, p + 3, slots) * xStride + c));
                }
            }
            float near0 = TensorTiles.rounded(v0);
            float near1 = TensorTiles.rounded(v1);
            float near2 = TensorTiles.rounded(v2);
            float near3 = TensorTiles.rounded(v3);
            float rest0 = TensorTiles.rounded(TensorTiles.rest(v0, near0));
            float rest1 = TensorTiles.rounded(TensorTiles.rest(v1, near1));
            float rest2 = TensorTiles.rounded(TensorTiles.rest(v2, near2));
            float rest3 = TensorTiles.rounded(TensorTiles.rest(v3, near3));
            int to4 = (xTile * padded + TensorTiles.LEAD + c) * 4;
            packed.set(to4, TensorTiles.pair(near0, near1));
            packed.set(to4 + 1, TensorTiles.pair(near2, near3));
            packed.set(to4 + 2, TensorTiles.pair(rest0, rest1));
            packed.set(to4 + 3, TensorTiles.pair(rest2, rest3));
        }
    }

    /** The same, eight rows per tile, each rounded to fp16 and nothing else. */
    public static void pairsF16(
            KernelContext context,
            FloatArray x,
            IntArray offsets,
            IntArray pairs,
            IntArray packed,
            IntArray shape) {
        int cols = shape.get(ExpertTensor.COLS);
        int groups = shape.get(ExpertTensor.GROUPS);
        int xStride = shape.get(ExpertTensor.X_STRIDE);
        int padded = shape.get(ExpertTensor.PADDED);
        int slots = shape.get(ExpertTensor.SLOTS);
        int chunks = shape.get(ExpertTensor.CHUNKS);
        int xTile = context.groupIdx / chunks;
        int from = context.groupIdx % chunks * COLUMNS - TensorTiles.LEAD;
        int lane = context.localIdx & 31;
        float begun = context.simdSum(TensorTiles.begun(offsets, 0, groups, xTile, lane, 3));
        int group = (int) begun - 1;
        int first = offsets.get(group);
        int p = first + (xTile - TensorTiles.firstTile(first, group, 3)) * 8;
        int count = offsets.get(group + 1) - p;
        int to = 0;
        if (count > 0) {
            to = TornadoMath.min(from + COLUMNS, padded - TensorTiles.LEAD);
        }
        for (int c = from + context.localIdx; c < to; c += 256) {
            float v0 = 0f;
            float v1 = 0f;
            float v2 = 0f;
            float v3 = 0f;
            float v4 = 0f;
            float v5 = 0f;
            float v6 = 0f;
            float v7 = 0f;
            if (c >= 0 && c < cols) {
                v0 = TensorTiles.held(x.get(rowOf(pairs, p, slots) * xStride + c));
                if (count > 1) {
                    v1 = TensorTiles.held(x.get(rowOf(pairs, p + 1, slots) * xStride + c));
                }
                if (count > 2) {
                    v2 = TensorTiles.held(x.get(rowOf(pairs, p + 2, slots) * xStride + c));
                }
                if (count > 3) {
                    v3 = TensorTiles.held(x.get(rowOf(pairs, p + 3, slots) * xStride + c));
                }
                if (count > 4) {
                    v4 = TensorTiles.held(x.get(rowOf(pairs, p + 4, slots) * xStride + c));
                }
                if (count > 5) {
                    v5 = TensorTiles.held(x.get(rowOf(pairs, p + 5, slots) * xStride + c));
                }
                if (count > 6) {
                    v6 = TensorTiles.held(x.get(rowOf(pairs, p + 6, slots) * xStride + c));
                }
                if (count > 7) {
                    v7 = TensorTiles.held(x.get(rowOf(pairs, p + 7, slots) * xStride + c));
                }
            }
            int to4 = (xTile * padded + TensorTiles.LEAD + c) * 4;
            packed.set(to4, TensorTiles.pair(TensorTiles.rounded(v0), TensorTiles.rounded(v1)));
            packed.set(to4 + 1, TensorTiles.pair(TensorTiles.rounded(v2), TensorTiles.rounded(v3)));
            packed.set(to4 + 2, TensorTiles.pair(TensorTiles.rounded(v4), TensorTiles.rounded(v5)));
            packed.set(to4 + 3, TensorTiles.pair(TensorTiles.rounded(v6), TensorTiles.rounded(v7)));
        }
    }

    private static int rowOf(IntArray pairs, int p, int slots) {
        int row = p;
        if (slots > 0) {
            row = pairs.get(p) / slots;
        }
        return row;
    }
}
