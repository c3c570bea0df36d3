package io.maseparation.kernels.operations;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.DecodeGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.AttentionHost;
import io.maseparation.kernels.portable.AttentionPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

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
     * Adds the task. Does nothing in a step of the other phase, so that both attentions stand in one graph.
     *
     * @param step first row, number of rows, phase (this operation runs in phase 0)
     * @param qkv [rows, (heads + 2 kvHeads) headDim]; the queries, already rotated, are read
     * @param rowInfo [rows, 3]: position, first cache position of the row's sequence, capacity of the sequence
     * @param kvType F32 or F16
     * @param kCache keys, laid out as in {@link RopeAppend}, the step's own among them
     * @param vCache values, likewise
     * @param out [rows, heads headDim]
     * @param heads query heads
     * @param kvHeads key and value heads; heads / kvHeads neighbouring query heads share one
     * @param headDim columns of a head
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
            DataType kvType,
            TornadoNativeArray kCache,
            TornadoNativeArray vCache,
            FloatArray out,
            int heads,
            int kvHeads,
            int headDim,
            float scale,
            int window) {
        AttentionShapes.check("DecodeAttention", step, qkv, rowInfo, kvType, kCache, vCache, heads, kvHeads, headDim);
        Require.positive("DecodeAttention", "scale", scale);
        Require.atLeast("DecodeAttention", "window", window, 0);
        int rows = AttentionShapes.rows(qkv, heads, kvHeads, headDim);
        Require.length("DecodeAttention", "out", out, (long) rows * heads * headDim);
        Body body = g.target().choose().body();
        WorkerGrid workers = WorkerGrids.groups(Math.multiplyExact(rows, heads), DecodeGpu.GROUP);
        boolean inPairs = g.target().loadsHalf2() && DecodeGpu.inPairs(headDim);
        if (kvType == DataType.F32) {
            FloatArray k = (FloatArray) kCache;
            FloatArray v = (FloatArray) vCache;
            switch (body) {
                case HOST -> g.task(id, t -> t.task(
                        id, AttentionHost::decodeF32, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window));
                case GPU -> g.task(id, workers, t -> t.task(
                        id, DecodeGpu::f32, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window));
                case PORTABLE -> g.task(id, t -> t.task(
                        id, AttentionPortable::f32, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, 0));
            }
        } else {
            HalfFloatArray k = (HalfFloatArray) kCache;
            HalfFloatArray v = (HalfFloatArray) vCache;
            switch (body) {
                case HOST -> g.task(id, t -> t.task(
                        id, AttentionHost::decodeF16, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window));
                case GPU -> g.task(id, workers, t -> inPairs
                        ? t.task(
                                id, DecodeGpu::f16Pairs, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads,
                                headDim, scale, window)
                        : t.task(
                                id, DecodeGpu::f16, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim,
                                scale, window));
                case PORTABLE -> g.task(id, t -> t.task(
                        id, AttentionPortable::f16, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, 0));
            }
        }
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
