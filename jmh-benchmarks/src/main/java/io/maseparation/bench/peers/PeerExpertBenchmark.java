package io.maseparation.bench.peers;

import io.maseparation.bench.BenchmarkWeights;
import io.maseparation.bench.RowBenchmark;
import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.kernels.operations.KernelGraph;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A layer's experts, as many as one device has, each row sent to as many as the model sends it to, in turn. Of the
 * peers only ggml has such an operation.
 */
public class PeerExpertBenchmark extends PeerBenchmark {
    /** ggml computes GELU from a table of fp16 numbers, and with 16-bit weights rounds what comes out of it. */
    private static final double TABLE = 3e-3;

    /** Whose experts. */
    @Param({"seed", "olmoe_1b_7b", "mixtral_8x7b"})
    public PeerModel model;

    /** Format of the weights. */
    @Param({"F16", "BF16", "F32"})
    public DataType type;

    /** Rows of the step. */
    @Param({"1", "8", "64"})
    public int rows;

    @Override
    PeerCase operation(KernelGraph graph, Random random) {
        int experts = model.experts;
        int width = model.width;
        int hidden = model.hidden;
        int slots = model.slots;
        WeightMatrix up = BenchmarkWeights.random(random, type, experts * width, hidden);
        WeightMatrix gate = model.gated ? BenchmarkWeights.random(random, type, experts * width, hidden) : up;
        WeightMatrix down = BenchmarkWeights.random(random, type, experts * hidden, width);
        int stride = width * hidden;
        ExpertBank bank = new ExpertBank(
                0,
                experts,
                new ExpertWeights(
                        model.gated ? gate.rowRange(0, width) : null, up.rowRange(0, width), down.rowRange(0, hidden)),
                model.gated ? stride : 0,
                stride,
                stride);
        int pairs = rows * slots;
        IntArray offsets = new IntArray(experts + 1);
        IntArray order = new IntArray(pairs);
        int next = 0;
        for (int expert = 0; expert < experts; expert++) {
            for (int pair = expert; pair < pairs; pair += experts) {
                order.set(next++, pair);
            }
            offsets.set(expert + 1, next);
        }
        FloatArray x = RowBenchmark.random(random, rows * hidden);
        FloatArray inner = DeviceArrays.floats(pairs * width);
        FloatArray out = DeviceArrays.floats(pairs * hidden);
        graph.constant(x, offsets, order, inner, out);
        ExpertUp.add(
                graph, "up", x, offsets, order, bank, inner, width, slots,
                model.gated ? Activation.SILU : Activation.GELU_TANH);
        ExpertDown.add(graph, "down", inner, offsets, order, bank, out, width);
        int active = Math.min(experts, pairs);
        return new PeerCase(
                ExpertUp.cost(pairs, active, width, hidden, model.gated, type)
                        .plus(ExpertDown.cost(pairs, active, width, hidden, type)),
                out,
                Math.max(PeerModel.tolerance(type), model.gated ? 0 : TABLE),
                peer -> contender(peer, x, gate, up, down));
    }

    private Contender contender(Peer peer, FloatArray x, WeightMatrix gate, WeightMatrix up, WeightMatrix down) {
        int pairs = rows * model.slots;
        IntArray expertOf = new IntArray(pairs);
        for (int pair = 0; pair < pairs; pair++) {
            expertOf.set(pair, pair % model.experts);
        }
        Ggml ggml = Ggml.onlyOf(peer, "a product of each row with matrices of its own");
        MemorySegment ids = ggml.ints(expertOf.getSegment(), model.slots, rows);
        MemorySegment in = ggml.input(DataType.F32, x.getSegment(), model.hidden, 1, rows);
        MemorySegment upper = ggml.then("ggml_mul_mat_id", stacked(ggml, up, model.hidden, model.width), in, ids);
        MemorySegment inner = model.gated
                ? ggml.then(
                        "ggml_swiglu_split",
                        ggml.then("ggml_mul_mat_id", stacked(ggml, gate, model.hidden, model.width), in, ids),
                        upper)
                : ggml.then("ggml_gelu", upper);
        MemorySegment result =
                ggml.then("ggml_mul_mat_id", stacked(ggml, down, model.width, model.hidden), inner, ids);
        return ggml.contender(result, (long) pairs * model.hidden);
    }

    private MemorySegment stacked(Ggml ggml, WeightMatrix all, int columns, int outputs) {
        return ggml.weights(type, PeerMemory.copy(all.data().getSegment()), columns, outputs, model.experts);
    }
}
