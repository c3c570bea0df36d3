package io.maseparation.bench.peers;

import io.maseparation.bench.RowBenchmark;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.operations.KernelGraph;
import io.maseparation.kernels.operations.PrefillAttention;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Causal attention of the last rows of a context of 2048. Of the peers only ggml is measured. */
public class PeerPrefillAttentionBenchmark extends PeerBenchmark {
    /** Whose heads. */
    @Param({"seed", "olmoe_1b_7b", "mixtral_8x7b"})
    public PeerModel model;

    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType type;

    /** Rows of the step. */
    @Param({"64", "512"})
    public int rows;

    /** What lies side by side in ggml's cache. */
    @Param({"heads", "positions"})
    public PeerCacheOrder order;

    @Override
    PeerCase operation(KernelGraph graph, Random random) {
        int heads = model.heads;
        int columns = PeerModel.HEAD_DIM;
        int before = PeerCache.CONTEXT - rows;
        IntArray rowInfo = new IntArray(3 * rows + KvCache.blocks(PeerCache.CONTEXT));
        for (int row = 0; row < rows; row++) {
            rowInfo.set(3 * row, before + row);
            rowInfo.set(3 * row + 1, 3 * rows);
        }
        PeerCache cache = PeerCache.random(random, model, type, 1, rowInfo, 3 * rows);
        FloatArray qkv = RowBenchmark.random(random, rows * (heads + 2 * model.kvHeads) * columns);
        FloatArray out = DeviceArrays.floats(rows * heads * columns);
        IntArray step = IntArray.fromElements(0, rows, rows);
        graph.constant(cache.blocks().keys().toArray());
        graph.constant(cache.blocks().values().toArray());
        graph.constant(step, qkv, rowInfo, out);
        PrefillAttention.add(
                graph, "attention", step, qkv, rowInfo, cache.blocks(), out, heads, PeerCache.SCALE, 0);
        return new PeerCase(
                PrefillAttention.cost(type, before, rows, heads, model.kvHeads, columns, 0),
                out,
                cache.tolerance(),
                peer -> {
                    Ggml ggml = Ggml.onlyOf(peer, "attention");
                    MemorySegment q = ggml.input(
                            DataType.F32, cache.queries(qkv.getSegment(), rows), columns, heads, rows, 1);
                    return ggml.contender(
                            cache.attention(ggml, ggml.then("ggml_permute", q, 0, 2, 1, 3), mask(ggml, before), order),
                            (long) rows * heads * columns);
                });
    }

    /** Minus infinity for the positions after a row's own. */
    private MemorySegment mask(Ggml ggml, int before) {
        MemorySegment mask = PeerMemory.zeros(2L * rows * PeerCache.CONTEXT);
        short hidden = Float.floatToFloat16(Float.NEGATIVE_INFINITY);
        for (int row = 0; row < rows; row++) {
            for (int p = before + row + 1; p < PeerCache.CONTEXT; p++) {
                mask.setAtIndex(ValueLayout.JAVA_SHORT, (long) row * PeerCache.CONTEXT + p, hidden);
            }
        }
        return ggml.input(DataType.F16, mask, PeerCache.CONTEXT, rows);
    }
}
