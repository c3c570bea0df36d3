package io.maseparation.bench;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.ExpertBank;
import io.maseparation.kernels.ExpertWeights;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.kernels.operations.ExpertDown;
import io.maseparation.kernels.operations.ExpertUp;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Experts of 4096 × 16384 without a gate (GELU), two of the sixteen, as on one of eight expert devices. One row visits
 * one of them; of 24 rows, top-2 of sixteen experts sends three to each.
 */
public class ExpertFfnBenchmark extends RowBenchmark {
    private static final int HELD = 2;

    /** Inner width. */
    @Param("16384")
    public int width;

    /** Format of the weights. */
    @Param("F16")
    public DataType type;

    /** Whether experts have a gate (SiLU). */
    @Param("false")
    public boolean gated;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        int matrices = gated ? 2 : 1;
        WeightMatrix in = BenchmarkWeights.random(random, type, HELD * matrices * width, HIDDEN);
        WeightMatrix down = BenchmarkWeights.random(random, type, HELD * HIDDEN, width);
        ExpertWeights first = new ExpertWeights(
                gated ? in.rowRange(0, width) : null,
                in.rowRange((matrices - 1) * width, matrices * width),
                down.rowRange(0, HIDDEN));
        int stride = matrices * width * HIDDEN;
        ExpertBank bank = new ExpertBank(0, HELD, first, gated ? stride : 0, stride, HIDDEN * width);
        int each = rows * TOP_K / EXPERTS;
        int pairs = Math.max(1, HELD * each);
        int active = each == 0 ? 1 : HELD;
        IntArray offsets = each == 0 ? IntArray.fromElements(0, 1, 1) : IntArray.fromElements(0, each, 2 * each);
        IntArray order = new IntArray(rows * TOP_K);
        for (int i = 0; i < pairs; i++) {
            order.set(i, i);
        }
        FloatArray x = random(random, rows * HIDDEN);
        FloatArray hidden = new FloatArray(rows * TOP_K * width);
        FloatArray out = new FloatArray(rows * TOP_K * HIDDEN);
        graph.constant(x, offsets, order, hidden, out);
        Activation act = gated ? Activation.SILU : Activation.GELU_TANH;
        ExpertUp.add(graph, "up", x, offsets, order, bank, hidden, width, TOP_K, act);
        ExpertDown.add(graph, "down", hidden, offsets, order, bank, out, width);
        return ExpertUp.cost(pairs, active, width, HIDDEN, gated, type)
                .plus(ExpertDown.cost(pairs, active, width, HIDDEN, type));
    }
}
