package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.SumOfSquares;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Sums of squares of rows of 4096 columns, first half of a norm over heads that several ranks hold. */
public class SumOfSquaresBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray queries = random(random, rows * HIDDEN);
        FloatArray sums = new FloatArray(rows * 2);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, queries, sums);
        SumOfSquares.add(graph, "sums", step, queries, HIDDEN, 0, HIDDEN, sums, 2, 0);
        return SumOfSquares.cost(rows, HIDDEN);
    }
}
