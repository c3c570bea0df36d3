package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.PrefillAttention;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Causal attention of the last rows of a context of 2048. */
public class PrefillAttentionBenchmark extends RowBenchmark {
    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType kvType;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        KvCache cache = cache(random, kvType, 1);
        FloatArray qkv = random(random, rows * 3 * HEADS * HEAD_DIM);
        FloatArray out = new FloatArray(rows * HEADS * HEAD_DIM);
        IntArray rowInfo = new IntArray(3 * rows + KvCache.blocks(CONTEXT));
        for (int row = 0; row < rows; row++) {
            rowInfo.set(3 * row, CONTEXT - rows + row);
            rowInfo.set(3 * row + 1, 3 * rows);
        }
        scatterBlocks(rowInfo, 3 * rows);
        IntArray step = IntArray.fromElements(0, rows, rows);
        graph.constant(cache.keys().toArray());
        graph.constant(cache.values().toArray());
        graph.constant(step, qkv, rowInfo, out);
        float scale = (float) (1 / Math.sqrt(HEAD_DIM));
        PrefillAttention.add(
                graph, "attention", step, qkv, rowInfo, cache, out, HEADS, scale, 0);
        return PrefillAttention.cost(kvType, CONTEXT - rows, rows, HEADS, HEADS, HEAD_DIM, 0);
    }
}
