package io.maseparation.bench.peers;

import io.maseparation.bench.RowBenchmark;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.KvCache;
import io.maseparation.kernels.operations.DecodeAttention;
import io.maseparation.kernels.operations.KernelGraph;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.openjdk.jmh.annotations.Param;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Attention of one new position of each sequence over 2048 cached ones. Of the peers only ggml is measured. */
public class PeerDecodeAttentionBenchmark extends PeerBenchmark {
    /** Whose heads. */
    @Param({"seed", "olmoe_1b_7b", "mixtral_8x7b"})
    public PeerModel model;

    /** Format of the cache. */
    @Param({"F32", "F16"})
    public DataType type;

    /** Sequences. */
    @Param({"1", "8"})
    public int rows;

    /** What lies side by side in ggml's cache. */
    @Param({"heads", "positions"})
    public PeerCacheOrder order;

    @Override
    PeerCase operation(KernelGraph graph, Random random) {
        int heads = model.heads;
        int columns = PeerModel.HEAD_DIM;
        int blocks = KvCache.blocks(PeerCache.CONTEXT);
        IntArray rowInfo = new IntArray((3 + blocks) * rows);
        for (int row = 0; row < rows; row++) {
            rowInfo.set(3 * row, PeerCache.CONTEXT - 1);
            rowInfo.set(3 * row + 1, 3 * rows + row * blocks);
            rowInfo.set(3 * row + 2, PeerCache.CONTEXT - 1);
        }
        PeerCache cache = PeerCache.random(random, model, type, rows, rowInfo, 3 * rows);
        FloatArray qkv = RowBenchmark.random(random, rows * (heads + 2 * model.kvHeads) * columns);
        FloatArray out = DeviceArrays.floats(rows * heads * columns);
        IntArray step = IntArray.fromElements(0, rows, 0);
        graph.constant(cache.blocks().keys().toArray());
        graph.constant(cache.blocks().values().toArray());
        graph.constant(step, qkv, rowInfo, out);
        DecodeAttention.add(
                graph, "attention", step, qkv, rowInfo, cache.blocks(), out, heads, PeerCache.SCALE, 0);
        return new PeerCase(
                DecodeAttention.cost(type, rows, (long) rows * PeerCache.CONTEXT, heads, model.kvHeads, columns),
                out,
                cache.tolerance(),
                peer -> {
                    Ggml ggml = Ggml.onlyOf(peer, "attention");
                    MemorySegment queries = ggml.input(
                            DataType.F32, cache.queries(qkv.getSegment(), rows), columns, 1, heads, rows);
                    return ggml.contender(
                            cache.attention(ggml, queries, MemorySegment.NULL, order),
                            (long) rows * heads * columns);
                });
    }
}
