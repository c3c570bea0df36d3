package io.maseparation.bench;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.Dispatch;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Sorting of the rows' expert slots by expert. */
public class DispatchBenchmark extends RowBenchmark {
    @Override
    OpCost operation(KernelGraph graph, Random random) {
        IntArray ids = new IntArray(rows * TOP_K);
        for (int i = 0; i < rows * TOP_K; i++) {
            ids.set(i, random.nextInt(EXPERTS));
        }
        IntArray groupOf = new IntArray(EXPERTS + 1);
        for (int e = 0; e <= EXPERTS; e++) {
            groupOf.set(e, e < EXPERTS ? e : -1);
        }
        IntArray offsets = new IntArray(EXPERTS + 1);
        IntArray pairs = new IntArray(rows * TOP_K);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, ids, groupOf, offsets, pairs);
        Dispatch.add(graph, "dispatch", step, ids, TOP_K, groupOf, EXPERTS, offsets, pairs);
        return Dispatch.cost(rows, TOP_K, EXPERTS);
    }
}
