package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.SelectRows;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Copy of chosen rows of 4096 columns. */
public class SelectRowsBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray in = random(random, rows * HIDDEN);
        FloatArray out = new FloatArray(rows * HIDDEN);
        IntArray chosen = new IntArray(rows);
        for (int i = 0; i < rows; i++) {
            chosen.set(i, rows - 1 - i);
        }
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, chosen, in, out);
        SelectRows.add(graph, "select", step, chosen, in, out, HIDDEN);
        return SelectRows.cost(rows, HIDDEN);
    }
}
