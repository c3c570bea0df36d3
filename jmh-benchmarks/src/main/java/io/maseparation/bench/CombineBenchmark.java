package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.Combine;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Weighted sum of two experts' outputs, added to the residual. */
public class CombineBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray expertOut = random(random, rows * TOP_K * HIDDEN);
        FloatArray weights = random(random, rows * TOP_K);
        IntArray ids = new IntArray(rows * TOP_K);
        FloatArray out = new FloatArray(rows * HIDDEN);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, expertOut, weights, ids, out);
        Combine.add(graph, "combine", step, expertOut, weights, ids, out, TOP_K, HIDDEN, 1f, true);
        return Combine.cost(rows, rows * TOP_K, TOP_K, HIDDEN, true);
    }
}
