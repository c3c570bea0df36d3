package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.RmsNorm;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** RMS norm of rows of 4096 columns. */
public class RmsNormBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray in = random(random, rows * HIDDEN);
        FloatArray weight = random(random, HIDDEN);
        FloatArray out = new FloatArray(rows * HIDDEN);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, in, out);
        RmsNorm.add(graph, "norm", step, in, weight, out, HIDDEN, 1e-5f);
        return RmsNorm.cost(rows, HIDDEN);
    }
}
