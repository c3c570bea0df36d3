package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Routing;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.Router;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Scores, selection and weights of 2 of 16 experts. */
public class RouterBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        Routing routing = new Routing(EXPERTS, TOP_K, Routing.Rule.SOFTMAX_THEN_TOP_K, true, Routing.Extra.NONE);
        FloatArray h = random(random, rows * HIDDEN);
        FloatArray gate = random(random, EXPERTS * HIDDEN);
        IntArray ids = new IntArray(rows * TOP_K);
        IntArray choices = new IntArray(rows * TOP_K);
        IntArray at = new IntArray(1);
        FloatArray weights = new FloatArray(rows * TOP_K);
        FloatArray scores = new FloatArray(rows * EXPERTS);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, h, ids, weights, scores);
        Router.add(graph, "router", step, h, gate, null, ids, weights, choices, at, scores, HIDDEN, routing);
        return Router.cost(rows, HIDDEN, routing);
    }
}
