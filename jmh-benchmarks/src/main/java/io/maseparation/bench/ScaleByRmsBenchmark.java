package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.ScaleByRms;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Scaling of rows of 4096 columns by given sums of squares, second half of a norm over heads that several ranks hold.
 */
public class ScaleByRmsBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray queries = random(random, rows * HIDDEN);
        FloatArray weight = new FloatArray(HIDDEN);
        FloatArray sums = new FloatArray(rows * 2);
        sums.init(HIDDEN);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, queries, sums);
        // The mean square is 1, so that rows neither grow nor vanish over many invocations.
        weight.init(1);
        ScaleByRms.add(graph, "scale", step, queries, weight, 0, HIDDEN, 0, HIDDEN, sums, 2, 0, HIDDEN, 0f);
        return ScaleByRms.cost(rows, HIDDEN);
    }
}
