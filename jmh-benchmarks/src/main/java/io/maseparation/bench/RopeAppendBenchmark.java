package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.RopeAppend;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rotary embedding and cache append of one new position per sequence. */
public class RopeAppendBenchmark extends RowBenchmark {
    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType kvType;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        KvCache cache = cache(random, kvType, rows);
        FloatArray qkv = random(random, rows * 3 * HEADS * HEAD_DIM);
        FloatArray cosSin = random(random, CONTEXT * HEAD_DIM);
        IntArray rowInfo = lastPositions();
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(cache.keys().toArray());
        graph.constant(cache.values().toArray());
        graph.constant(step, qkv, rowInfo);
        RopeAppend.add(graph, "rope", step, qkv, rowInfo, cosSin, cache, HEADS, HEAD_DIM / 2);
        return RopeAppend.cost(kvType, rows, HEADS, HEADS, HEAD_DIM);
    }
}
