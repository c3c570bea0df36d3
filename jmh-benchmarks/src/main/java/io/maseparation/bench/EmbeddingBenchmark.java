package io.maseparation.bench;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.operations.Embedding;
import io.maseparation.kernels.operations.KernelGraph;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rows of 4096 columns from a table of 32,000. The same few rows each time: they come from the cache. */
public class EmbeddingBenchmark extends RowBenchmark {
    private static final int VOCABULARY = 32_000;

    /** Format of the table. */
    @Param("F16")
    public DataType type;

    @Override
    OpCost operation(KernelGraph graph, Random random) {
        IntArray tokens = new IntArray(rows);
        for (int i = 0; i < rows; i++) {
            tokens.set(i, random.nextInt(VOCABULARY));
        }
        FloatArray x = new FloatArray(rows * HIDDEN);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(step, tokens, x);
        Embedding.add(
                graph, "embed", step, tokens, BenchmarkWeights.random(random, type, VOCABULARY, HIDDEN), x, 1f);
        return Embedding.cost(rows, HIDDEN, type);
    }
}
