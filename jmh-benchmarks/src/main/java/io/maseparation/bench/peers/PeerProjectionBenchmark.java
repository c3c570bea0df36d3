package io.maseparation.bench.peers;

import io.maseparation.bench.BenchmarkWeights;
import io.maseparation.bench.RowBenchmark;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.Projection;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Queries, keys and values of a model's layer: rows of decode steps and of prefill. */
public class PeerProjectionBenchmark extends PeerBenchmark {
    /** Whose layer. */
    @Param({"seed", "olmoe_1b_7b", "mixtral_8x7b"})
    public PeerModel model;

    /** Format of the weights. */
    @Param({"F16", "BF16", "F32"})
    public DataType type;

    /** Rows of the step. */
    @Param({"1", "8", "64", "512"})
    public int rows;

    @Override
    PeerCase operation(KernelGraph graph, Random random) {
        int outputs = (model.heads + 2 * model.kvHeads) * PeerModel.HEAD_DIM;
        FloatArray x = RowBenchmark.random(random, rows * model.hidden);
        FloatArray out = DeviceArrays.floats(rows * outputs);
        WeightMatrix weights = BenchmarkWeights.random(random, type, outputs, model.hidden);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, x, out);
        Projection.add(graph, "project", step, x, weights, null, out, 1f, false);
        return new PeerCase(
                Projection.cost(rows, outputs, model.hidden, type),
                out,
                PeerModel.tolerance(type),
                new Product(
                        type, rows, outputs, model.hidden, PeerMemory.copy(x.getSegment()),
                        PeerMemory.copy(weights.data().getSegment()))::by);
    }
}
