package io.maseparation.kernels.operations;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.DecodeGpu;
import io.maseparation.kernels.gpu.DecodeWarps;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.AttentionHost;
import io.maseparation.kernels.portable.AttentionPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention of one new position of each of many sequences: {@code softmax(scale · q·K) V} over the cache up to and with
 * the row's own position, the query heads of a group sharing a key and value head (Ainslie et al., arXiv 2305.13245).
 *
 * <p>The context is split: inside a work-group on a GPU, and over the cores in blocks of 512 positions on the host,
 * merged in the order of the blocks (flash-decoding). A row's result depends on its own query and positions only.
 */
public final class DecodeAttention {
    private DecodeAttention() {}

    /**
     * Adds the task. It leaves rows of prompts to the other attention, which stands in the same graph.
     *
     * @param step first row, number of rows, how many of them, the first, are rows of prompts, which are not computed
     *     here
     * @param qkv [rows, (heads + 2 kvHeads) headDim]; the queries, already rotated, are read
     * @param rowInfo where rows are, as {@link KvCache} says
     * @param cache keys and values, the step's own among them
     * @param out [rows, heads headDim]
     * @param heads query heads; neighbouring ones share a key and value head
     * @param scale factor of q · k, finite and above 0
     * @param window positions that a row sees, its own included; 0 for all
     * @throws IllegalArgumentException if shapes do not fit together or the cache has another type
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            KvCache cache,
            FloatArray out,
            int heads,
            float scale,
            int window) {
        AttentionShapes.check("DecodeAttention", step, qkv, rowInfo, cache, heads);
        Require.positive("DecodeAttention", "scale", scale);
        Require.atLeast("DecodeAttention", "window", window, 0);
        int rows = AttentionShapes.rows(qkv, heads, cache);
        Require.length("DecodeAttention", "out", out, (long) rows * heads * cache.headDim());
        for (int i = 0; i < cache.parts(); i++) {
            KvCache.Part part = cache.part(i);
            if (cache.type() == DataType.F32) {
                addF32(g, part.name(id), part, step, qkv, rowInfo, out, heads, scale, window);
            } else {
                addF16(g, part.name(id), part, step, qkv, rowInfo, out, heads, scale, window);
            }
        }
    }

    private static void addF32(
            KernelGraph g, String id, KvCache.Part part, IntArray step, FloatArray qkv, IntArray rowInfo,
            FloatArray out, int heads, float scale, int window) {
        FloatArray k = (FloatArray) part.keys();
        FloatArray v = (FloatArray) part.values();
        int kvHeads = part.cache().heads();
        int own = part.heads();
        int first = part.firstHead();
        int headDim = part.cache().headDim();
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, AttentionHost::decodeF32, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> DecodeWarps.inColumns(headDim)
                    ? t.task(
                            id, DecodeWarps::f32Columns, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads,
                            first, own, headDim, scale, window)
                    : t.task(
                            id, DecodeGpu::f32, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, first,
                            own, headDim, scale, window));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, AttentionPortable::f32, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window, 0));
        }
    }

    private static void addF16(
            KernelGraph g, String id, KvCache.Part part, IntArray step, FloatArray qkv, IntArray rowInfo,
            FloatArray out, int heads, float scale, int window) {
        HalfFloatArray k = (HalfFloatArray) part.keys();
        HalfFloatArray v = (HalfFloatArray) part.values();
        int kvHeads = part.cache().heads();
        int own = part.heads();
        int first = part.firstHead();
        int headDim = part.cache().headDim();
        boolean inPairs = g.target().loadsHalf2() && DecodeWarps.inPairs(headDim);
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, AttentionHost::decodeF16, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> inPairs
                    ? t.task(
                            id, DecodeWarps::f16Pairs, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads,
                            first, own, headDim, scale, window)
                    : t.task(
                            id, DecodeGpu::f16, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, first,
                            own, headDim, scale, window));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, AttentionPortable::f16, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window, 0));
        }
    }

    private static WorkerGrid workers(FloatArray qkv, int heads, KvCache.Part part) {
        int rows = AttentionShapes.rows(qkv, heads, part.cache());
        int queries = part.heads() * (heads / part.cache().heads());
        return WorkerGrids.groups(Math.multiplyExact(rows, queries), DecodeGpu.GROUP);
    }

    /**
     * Least work; the softmax is not counted.
     *
     * @param kvType format of the cache
     * @param rows rows of the step
     * @param positions positions seen, summed over the rows
     * @param heads query heads
     * @param kvHeads key and value heads
     * @param headDim columns of a head
     */
    public static OpCost cost(DataType kvType, int rows, long positions, int heads, int kvHeads, int headDim) {
        return new OpCost(
                4 * positions * heads * headDim,
                2 * positions * kvHeads * headDim * kvType.bytes(),
                8L * rows * heads * headDim);
    }
}
