package io.maseparation.kernels.operations;

import io.maseparation.kernels.AttentionShapes;
import io.maseparation.kernels.Body;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.PrefillGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.AttentionHost;
import io.maseparation.kernels.portable.AttentionPortable;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Causal attention of many positions of each sequence: {@code softmax(scale · q·K) V} over the cache up to and with
 * each row's own position, the query heads of a group sharing a key and value head (Ainslie et al., arXiv 2305.13245).
 *
 * <p>Blocks of keys and values are shared by tiles of query rows, with a running softmax (FlashAttention, Dao et al.,
 * arXiv 2205.14135). Rows of one sequence must be neighbours. A row's result depends on its own query and positions
 * only, whatever the tiles.
 */
public final class PrefillAttention {
    private PrefillAttention() {}

    /**
     * Adds the task. Does nothing in a step of the other phase, so that both attentions stand in one graph.
     *
     * @param step first row, number of rows, phase (this operation runs in phase 1)
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
        AttentionShapes.check("PrefillAttention", step, qkv, rowInfo, kvType, kCache, vCache, heads, kvHeads, headDim);
        Require.positive("PrefillAttention", "scale", scale);
        Require.atLeast("PrefillAttention", "window", window, 0);
        int rows = AttentionShapes.rows(qkv, heads, kvHeads, headDim);
        Require.length("PrefillAttention", "out", out, (long) rows * heads * headDim);
        Body body = g.target().choose().body();
        int tileRows = PrefillGpu.tileRows(headDim);
        int tilePositions = PrefillGpu.tilePositions(headDim);
        WorkerGrid workers =
                WorkerGrids.groups(Math.multiplyExact(Math.ceilDiv(rows, tileRows), heads), PrefillGpu.GROUP);
        if (kvType == DataType.F32) {
            FloatArray k = (FloatArray) kCache;
            FloatArray v = (FloatArray) vCache;
            switch (body) {
                case HOST -> g.task(id, t -> t.task(
                        id, AttentionHost::prefillF32, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window));
                case GPU -> g.task(id, workers, t -> t.task(
                        id, PrefillGpu::f32, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, tileRows, tilePositions));
                case PORTABLE -> g.task(id, t -> t.task(
                        id, AttentionPortable::f32, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, 1));
            }
        } else {
            HalfFloatArray k = (HalfFloatArray) kCache;
            HalfFloatArray v = (HalfFloatArray) vCache;
            switch (body) {
                case HOST -> g.task(id, t -> t.task(
                        id, AttentionHost::prefillF16, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window));
                case GPU -> g.task(id, workers, t -> t.task(
                        id, PrefillGpu::f16, g.context(), step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, tileRows, tilePositions));
                case PORTABLE -> g.task(id, t -> t.task(
                        id, AttentionPortable::f16, step, qkv, rowInfo, k, v, out, heads, kvHeads, headDim, scale,
                        window, 1));
            }
        }
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
