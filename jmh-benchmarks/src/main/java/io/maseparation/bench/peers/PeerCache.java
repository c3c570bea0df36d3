package io.maseparation.bench.peers;

import io.maseparation.bench.RowBenchmark;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.KvCache;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Keys and values of sequences with a full context, in blocks in a random order for this project and in one piece for
 * each sequence in ggml.
 *
 * @param model whose heads
 * @param sequences how many
 * @param blocks for this project
 * @param tables blocks of each sequence in the order of its positions
 */
record PeerCache(PeerModel model, int sequences, KvCache blocks, int[][] tables) {
    /** Positions of each sequence. */
    static final int CONTEXT = 2048;
    /** Of q · k. */
    static final float SCALE = (float) (1 / Math.sqrt(PeerModel.HEAD_DIM));
    /** How far results may be off with an fp16 cache: ggml adds up fp16 values in fp16. */
    private static final double FP16_SUMS = 6e-2;

    /**
     * Random numbers between -1 and 1.
     *
     * @param rowInfo receives the tables of blocks, sequence by sequence
     * @param from index of the first table in it
     */
    static PeerCache random(
            Random random, PeerModel model, DataType type, int sequences, IntArray rowInfo, int from) {
        int each = KvCache.blocks(CONTEXT);
        KvCache cache = KvCache.zeros(type, sequences * each, model.kvHeads, PeerModel.HEAD_DIM);
        fill(cache.keys().getFirst(), type, random);
        fill(cache.values().getFirst(), type, random);
        RowBenchmark.scatterBlocks(rowInfo, from);
        int[][] tables = new int[sequences][each];
        for (int sequence = 0; sequence < sequences; sequence++) {
            for (int block = 0; block < each; block++) {
                tables[sequence][block] = rowInfo.get(from + sequence * each + block);
            }
        }
        return new PeerCache(model, sequences, cache, tables);
    }

    private static void fill(TornadoNativeArray array, DataType type, Random random) {
        MemorySegment data = array.getSegment();
        for (int i = 0; i < array.getSize(); i++) {
            float v = random.nextFloat() * 2 - 1;
            if (type == DataType.F32) {
                data.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, v);
            } else {
                data.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Float.floatToFloat16(v));
            }
        }
    }

    /** How far a peer may be off. */
    double tolerance() {
        return blocks.type() == DataType.F32 ? PeerBenchmark.FP32 : FP16_SUMS;
    }

    /** ggml's attention of queries, [columns, rows, heads, sequences] in its order, over what a mask shows. */
    MemorySegment attention(Ggml ggml, MemorySegment queries, MemorySegment mask, PeerCacheOrder order) {
        MemorySegment k = inOrder(ggml, blocks.keys().getFirst(), order);
        MemorySegment v = inOrder(ggml, blocks.values().getFirst(), order);
        return ggml.then("ggml_flash_attn_ext", queries, k, v, mask, SCALE, 0f, 0f);
    }

    private MemorySegment inOrder(Ggml ggml, TornadoNativeArray array, PeerCacheOrder order) {
        int heads = model.kvHeads;
        long head = (long) PeerModel.HEAD_DIM * blocks.type().bytes();
        MemorySegment data = PeerMemory.zeros(head * heads * CONTEXT * sequences);
        for (int sequence = 0; sequence < sequences; sequence++) {
            for (int p = 0; p < CONTEXT; p++) {
                long block = tables[sequence][p / KvCache.BLOCK];
                for (int h = 0; h < heads; h++) {
                    long from = (block * heads + h) * KvCache.BLOCK + p % KvCache.BLOCK;
                    long to = order == PeerCacheOrder.heads
                            ? ((long) sequence * heads + h) * CONTEXT + p
                            : ((long) sequence * CONTEXT + p) * heads + h;
                    MemorySegment.copy(array.getSegment(), from * head, data, to * head, head);
                }
            }
        }
        if (order == PeerCacheOrder.heads) {
            return ggml.weights(blocks.type(), data, PeerModel.HEAD_DIM, CONTEXT, heads, sequences);
        }
        MemorySegment all = ggml.weights(blocks.type(), data, PeerModel.HEAD_DIM, heads, CONTEXT, sequences);
        return ggml.then("ggml_permute", all, 0, 2, 1, 3);
    }

    /** The queries of rows of queries, keys and values: [rows, heads · columns]. */
    MemorySegment queries(MemorySegment qkv, int rows) {
        long all = (model.heads + 2L * model.kvHeads) * PeerModel.HEAD_DIM * Float.BYTES;
        long own = (long) model.heads * PeerModel.HEAD_DIM * Float.BYTES;
        MemorySegment queries = PeerMemory.zeros(rows * own);
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(qkv, row * all, queries, row * own, own);
        }
        return queries;
    }
}
