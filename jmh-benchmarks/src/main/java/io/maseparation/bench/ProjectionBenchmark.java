package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.Projection;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Projection of rows of 4096 columns: an attention output, or with {@code -p outputs=32000} the logits. */
public class ProjectionBenchmark extends RowBenchmark {
    /** Outputs. */
    @Param("4096")
    public int outputs;

    /** Format of the weights. */
    @Param("F16")
    public DataType type;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        FloatArray x = random(random, rows * HIDDEN);
        FloatArray out = new FloatArray(rows * outputs);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, x, out);
        Projection.add(
                graph, "project", step, x, BenchmarkWeights.random(random, type, outputs, HIDDEN), null, out, 1f,
                false);
        return Projection.cost(rows, outputs, HIDDEN, type);
    }
}
