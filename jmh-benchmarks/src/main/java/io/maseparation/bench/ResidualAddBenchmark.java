package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.ResidualAdd;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Residual connection of rows of 4096 columns, from the cache. */
public class ResidualAddBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray y = random(random, rows * HIDDEN);
        FloatArray x = random(random, rows * HIDDEN);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, y, x);
        ResidualAdd.add(graph, "add", step, y, x, HIDDEN, 1f);
        return ResidualAdd.cost(rows, HIDDEN);
    }
}
