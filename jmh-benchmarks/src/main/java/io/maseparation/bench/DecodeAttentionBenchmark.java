package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Attention of one new position per sequence over 2048 cached ones. */
public class DecodeAttentionBenchmark extends RowBenchmark {
    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType kvType;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        KvCache cache = cache(random, kvType, rows);
        FloatArray qkv = random(random, rows * 3 * HEADS * HEAD_DIM);
        FloatArray out = new FloatArray(rows * HEADS * HEAD_DIM);
        IntArray rowInfo = lastPositions();
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(cache.keys().toArray());
        graph.constant(cache.values().toArray());
        graph.constant(step, qkv, rowInfo, out);
        float scale = (float) (1 / Math.sqrt(HEAD_DIM));
        DecodeAttention.add(
                graph, "attention", step, qkv, rowInfo, cache, out, HEADS, scale, 0);
        return DecodeAttention.cost(kvType, rows, (long) rows * CONTEXT, HEADS, HEADS, HEAD_DIM);
    }
}
