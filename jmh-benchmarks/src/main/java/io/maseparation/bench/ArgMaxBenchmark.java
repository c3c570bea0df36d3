package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.ArgMax;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Greedy choice among 32,000 logits, from the cache. */
public class ArgMaxBenchmark extends RowBenchmark {
    private static final int VOCABULARY = 32_000;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray logits = random(random, rows * VOCABULARY);
        IntArray best = new IntArray(rows);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, logits, best);
        ArgMax.add(graph, "best", step, logits, best, VOCABULARY);
        return ArgMax.cost(rows, VOCABULARY);
    }
}
