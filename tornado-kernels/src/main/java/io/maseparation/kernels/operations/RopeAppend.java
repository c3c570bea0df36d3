package io.maseparation.kernels.operations;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.RopeGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.RopeHost;
import io.maseparation.kernels.portable.RopePortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Rotary position embedding (Su et al., arXiv 2104.09864; the half-split form of Hugging Face's checkpoints) of queries
 * and keys, and the appending of keys and values to the cache.
 *
 * <p>With h pairs of a head rotated and c, s the cosine and sine of the row's angle for i &lt; h:
 * {@code x'[i] = x[i]·c − x[i+h]·s} and {@code x'[i+h] = x[i+h]·c + x[i]·s}. Elements from 2h on pass through.
 */
public final class RopeAppend {
    private RopeAppend() {}

    /**
     * Adds the task. Queries are rotated in place; rotated keys and the values go to the cache, and stay as they were
     * in {@code qkv}.
     *
     * @param step first row, number of rows, rows of prompts
     * @param qkv [rows, (heads + 2 kvHeads) headDim]: queries, keys, values
     * @param rowInfo where rows are, as {@link KvCache} says
     * @param cosSin [angles, pairs, 2]: cosine, sine
     * @param cache keys and values, where those of the rows go
     * @param heads query heads
     * @param pairs pairs of a head that are rotated, from 1 to headDim / 2
     * @throws IllegalArgumentException if shapes do not fit together or the cache has another type
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            KvCache cache,
            int heads,
            int pairs) {
        AttentionShapes.check("RopeAppend", step, qkv, rowInfo, cache, heads);
        Require.multiple("RopeAppend", "headDim", cache.headDim(), 2);
        Require.atLeast("RopeAppend", "pairs", pairs, 1);
        Require.atLeast("RopeAppend", "headDim", cache.headDim(), 2L * pairs);
        Require.length("RopeAppend", "cosSin", cosSin, 2L * pairs);
        g.constant(cosSin);
        for (int i = 0; i < cache.parts(); i++) {
            KvCache.Part part = cache.part(i);
            if (cache.type() == DataType.F32) {
                addF32(g, part.name(id), part, step, qkv, rowInfo, cosSin, heads, pairs);
            } else {
                addF16(g, part.name(id), part, step, qkv, rowInfo, cosSin, heads, pairs);
            }
        }
    }

    private static void addF32(
            KernelGraph g, String id, KvCache.Part part, IntArray step, FloatArray qkv, IntArray rowInfo,
            FloatArray cosSin, int heads, int pairs) {
        FloatArray k = (FloatArray) part.keys();
        FloatArray v = (FloatArray) part.values();
        int kvHeads = part.cache().heads();
        int own = part.heads();
        int first = part.firstHead();
        int headDim = part.cache().headDim();
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, RopeHost::f32, step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own, headDim, pairs));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> t.task(
                    id, RopeGpu::f32, g.context(), step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own,
                    headDim,
                    pairs));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, RopePortable::f32, step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own, headDim,
                    pairs));
        }
    }

    private static void addF16(
            KernelGraph g, String id, KvCache.Part part, IntArray step, FloatArray qkv, IntArray rowInfo,
            FloatArray cosSin, int heads, int pairs) {
        HalfFloatArray k = (HalfFloatArray) part.keys();
        HalfFloatArray v = (HalfFloatArray) part.values();
        int kvHeads = part.cache().heads();
        int own = part.heads();
        int first = part.firstHead();
        int headDim = part.cache().headDim();
        switch (g.target().choose().body()) {
            case HOST -> g.partTask(id, part, t -> t.task(
                    id, RopeHost::f16, step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own, headDim, pairs));
            case GPU -> g.partTask(id, part, workers(qkv, heads, part), t -> t.task(
                    id, RopeGpu::f16, g.context(), step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own,
                    headDim,
                    pairs));
            case PORTABLE -> g.partTask(id, part, t -> t.task(
                    id, RopePortable::f16, step, qkv, rowInfo, cosSin, k, v, heads, kvHeads, first, own, headDim,
                    pairs));
        }
    }

    private static WorkerGrid workers(FloatArray qkv, int heads, KvCache.Part part) {
        long units = part.heads() * (heads / part.cache().heads() + 2L);
        return WorkerGrids
                .elements(AttentionShapes.rows(qkv, heads, part.cache()) * units * (part.cache().headDim() / 2));
    }

    /**
     * Least work.
     *
     * @param kvType format of the cache
     * @param rows rows of the step
     * @param heads query heads
     * @param kvHeads key and value heads
     * @param headDim columns of a head
     */
    public static OpCost cost(DataType kvType, int rows, int heads, int kvHeads, int headDim) {
        long rotated = (long) rows * (heads + kvHeads) * headDim;
        long activations = 4L * rows * headDim * (2L * heads + 2L * kvHeads + 1);
        return new OpCost(3 * rotated, 2L * rows * kvHeads * headDim * kvType.bytes(), activations);
    }
}
