package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.QkvProjection;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Query, key and value projections of rows of 4096 columns, 32 heads of 128 each. */
public class QkvProjectionBenchmark extends RowBenchmark {
    /** Format of the weights. */
    @Param("F16")
    public DataType type;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        int n = HEADS * HEAD_DIM;
        WeightMatrix q = BenchmarkWeights.random(random, type, n, HIDDEN);
        WeightMatrix k = BenchmarkWeights.random(random, type, n, HIDDEN);
        WeightMatrix v = BenchmarkWeights.random(random, type, n, HIDDEN);
        FloatArray x = random(random, rows * HIDDEN);
        FloatArray qkv = new FloatArray(rows * 3 * n);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, x, qkv);
        QkvProjection.add(graph, "qkv", step, x, q, k, v, null, qkv, 0f);
        return QkvProjection.cost(rows, 3 * n, HIDDEN, type);
    }
}
