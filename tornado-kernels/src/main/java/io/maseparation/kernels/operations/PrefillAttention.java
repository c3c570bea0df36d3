package io.maseparation.kernels.operations;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.PrefillGpu;
import io.maseparation.kernels.gpu.PrefillTensor;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.AttentionHost;
import io.maseparation.kernels.portable.AttentionPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Causal attention of many positions of each sequence: {@code softmax(scale · q·K) V} over the cache up to and with
 * each row's own position, the query heads of a group sharing a key and value head (Ainslie et al., arXiv 2305.13245).
 *
 * <p>Blocks of keys and values are shared by tiles of query rows, with a running softmax (FlashAttention, Dao et al.,
 * arXiv 2205.14135). Rows of one sequence must be neighbours. A row's result depends on its own query and positions
 * only, whatever the tiles, as long as values are finite.
 */
public final class PrefillAttention {
    private PrefillAttention() {}

    /**
     * Adds the task. It computes rows of prompts only, and stands in one graph with the attention of the others.
     *
     * @param step first row, number of rows, how many of them, the first, are rows of prompts
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
        AttentionShapes.check("PrefillAttention", step, qkv, rowInfo, cache, heads);
        Require.positive("PrefillAttention", "scale", scale);
        Require.atLeast("PrefillAttention", "window", window, 0);
        int rows = AttentionShapes.rows(qkv, heads, cache);
        Require.length("PrefillAttention", "out", out, (long) rows * heads * cache.headDim());
        for (int i = 0; i < cache.parts(); i++) {
            KvCache.Part part = cache.part(i);
            if (cache.type() == DataType.F32) {
                addF32(g, part.name(id), part, step, qkv, rowInfo, out, heads, scale, window);
            } else if (g.target().tensorCores()
                    && g.target().choose().body() == Body.GPU
                    && PrefillTensor.suits(cache.headDim())) {
                addTensor(g, part.name(id), part, step, qkv, rowInfo, out, heads, scale, window);
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
        int tileRows = PrefillGpu.tileRows(headDim);
        int tilePositions = PrefillGpu.tilePositions(headDim);
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, AttentionHost::prefillF32, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> t.task(
                    id, PrefillGpu::f32, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own,
                    headDim,
                    scale, window, tileRows, tilePositions));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, AttentionPortable::f32, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window, 1));
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
        int tileRows = PrefillGpu.tileRows(headDim);
        int tilePositions = PrefillGpu.tilePositions(headDim);
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, AttentionHost::prefillF16, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> t.task(
                    id, PrefillGpu::f16, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own,
                    headDim,
                    scale, window, tileRows, tilePositions));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, AttentionPortable::f16, step, qkv, rowInfo, k, v, out, heads, kvHeads, first, own, headDim,
                    scale, window, 1));
        }
    }

    private static void addTensor(
            KernelGraph g, String id, KvCache.Part part, IntArray step, FloatArray qkv, IntArray rowInfo,
            FloatArray out, int heads, float scale, int window) {
        KvCache cache = part.cache();
        int tileRows = g.target().f16Activations() ? 64 : 32;
        HalfFloatArray half2k = (HalfFloatArray) part.keys();
        HalfFloatArray half2v = (HalfFloatArray) part.values();
        IntArray shape = DeviceArrays.ints(PrefillTensor.SHAPE);
        shape.set(PrefillTensor.HEADS, heads);
        shape.set(PrefillTensor.KV_HEADS, cache.heads());
        shape.set(PrefillTensor.FIRST_HEAD, part.firstHead());
        shape.set(PrefillTensor.OWN_HEADS, part.heads());
        shape.set(PrefillTensor.WINDOW, window);
        shape.set(PrefillTensor.COLUMNS, cache.headDim());
        shape.set(PrefillTensor.EACH, tileRows / 4);
        g.constant(shape);
        int rows = AttentionShapes.rows(qkv, heads, cache);
        long groups = (long) Math.ceilDiv(rows, tileRows) * part.heads() * (heads / cache.heads());
        long scratch = groups * PrefillTensor.scratch(cache.headDim());
        if (scratch > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("PrefillAttention: scores of " + rows + " rows and " + heads
                    + " heads do not fit into an array; have fewer rows in a step");
        }
        g.needScratch((int) scratch);
        int headDim = cache.headDim();
        g.partTask(id, part, WorkerGrids.groups((int) groups, PrefillTensor.GROUP), t -> t.task(
                id, PrefillTensor::attend, g.context(), step, qkv, rowInfo, half2k, half2v, g.scratch(), out, shape,
                headDim, scale, tileRows));
    }

    private static WorkerGrid workers(FloatArray qkv, int heads, KvCache.Part part) {
        int rows = AttentionShapes.rows(qkv, heads, part.cache());
        int queries = part.heads() * (heads / part.cache().heads());
        return WorkerGrids.groups(
                Math.multiplyExact(Math.ceilDiv(rows, PrefillGpu.tileRows(part.cache().headDim())), queries),
                PrefillGpu.GROUP);
    }

    /**
     * Least work for one sequence; the softmax is not counted, and keys and values are read once.
     *
     * @param kvType format of the cache
     * @param firstPosition position of the first row
     * @param rows rows of the step, at consecutive positions
     * @param heads query heads
     * @param kvHeads key and value heads
     * @param headDim columns of a head
     * @param window positions that a row sees; 0 for all
     */
    public static OpCost cost(
            DataType kvType, int firstPosition, int rows, int heads, int kvHeads, int headDim, int window) {
        long seen = 0;
        for (int r = 0; r < rows; r++) {
            int all = firstPosition + r + 1;
            seen += window > 0 ? Math.min(all, window) : all;
        }
        long lowest = window > 0 ? Math.max(0, firstPosition + 1 - window) : 0;
        long read = rows == 0 ? 0 : firstPosition + (long) rows - lowest;
        return new OpCost(
                4 * seen * heads * headDim,
                2 * read * kvHeads * headDim * kvType.bytes(),
                8L * rows * heads * headDim);
    }
}
