package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.HeadRmsNorm;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** RMS norm of each of 32 heads of 128 columns, in place, as qwen3_moe norms its queries. */
public class HeadRmsNormBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray queries = random(random, rows * HIDDEN);
        FloatArray weight = random(random, HEAD_DIM);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, queries);
        HeadRmsNorm.add(graph, "norm", step, queries, weight, HIDDEN, 0, HEADS, HEAD_DIM, 1e-5f);
        return HeadRmsNorm.cost(rows, HEADS, HEAD_DIM);
    }
}
