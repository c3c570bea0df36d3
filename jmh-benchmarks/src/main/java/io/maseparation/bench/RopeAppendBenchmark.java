package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.graph.KernelGraph;
import io.maseparation.kernels.graph.RopeAppend;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Rotary embedding and cache append of one new position a sequence. */
public class RopeAppendBenchmark extends RowBenchmark {
    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType kvType;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        int sequences = rows;
        int size = sequences * CONTEXT * HEADS * HEAD_DIM;
        TornadoNativeArray k = kvType == DataType.F32 ? random(random, size) : new HalfFloatArray(size);
        TornadoNativeArray v = kvType == DataType.F32 ? random(random, size) : new HalfFloatArray(size);
        FloatArray qkv = random(random, rows * 3 * HEADS * HEAD_DIM);
        FloatArray cosSin = random(random, CONTEXT * HEAD_DIM);
        IntArray rowInfo = new IntArray(3 * rows);
        for (int row = 0; row < rows; row++) {
            rowInfo.set(3 * row, CONTEXT - 1);
            rowInfo.set(3 * row + 1, row * CONTEXT);
            rowInfo.set(3 * row + 2, CONTEXT);
        }
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, qkv, rowInfo, k, v);
        RopeAppend.add(graph, "rope", step, qkv, rowInfo, cosSin, kvType, k, v, HEADS, HEADS, HEAD_DIM);
        return RopeAppend.cost(kvType, rows, HEADS, HEADS, HEAD_DIM);
    }

    /** One step. */
    @Benchmark
    public void ropeAppend(Work work) {
        execute(work);
    }
}
