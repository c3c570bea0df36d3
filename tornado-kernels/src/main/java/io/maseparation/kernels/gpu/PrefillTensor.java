package io.maseparation.kernels.gpu;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu body of {@code PrefillAttention} on tensor cores: one work-group per tile of rows and head, which multiplies 64
 * columns of queries with 64 rows of keys and 64 rows of weights with 64 rows of values.
 *
 * <p>The cache is of fp16. A tile has 64 queries, and then they and weights are rounded to fp16; or 32 of them, each
 * beside what rounding left, and then errors are those that {@link TensorTiles} names. A cache of fp32 would be split
 * too, each of its tiles once for 32 rows: that took longer than {@link PrefillGpu}.
 *
 * <p>Results of tensor cores cannot be looked at where they are: scores go through {@code scratch}, which stays in the
 * cache. So a first pass over the keys looks for each row's highest score, and a second multiplies them again, and
 * values with weights that need no correction; one pass would send all sums through {@code scratch} at each tile.
 *
 * <p>Tiles begin at multiples of 64 positions, and a position that a row does not see has a weight of exactly 0. So a
 * row's result depends on its own query and positions only, as long as values are finite: an infinite one, or NaN, is
 * 0 times that for rows before it that share its tile, and so no number. Those after it have no number in any case.
 * Positions before the first or after the last that a row of the tile sees are not read.
 *
 * <p>It takes 128 registers (sm_90): with more a multiprocessor holds one work-group instead of two, and prompts take a
 * third longer.
 */
public final class PrefillTensor {
    /** Threads of a work-group. */
    public static final int GROUP = 256;
    /** In {@code shape}: query heads. */
    public static final int HEADS = 0;
    /** In {@code shape}: key and value heads. */
    public static final int KV_HEADS = 1;
    /** In {@code shape}: the first key and value head of this part of the cache. */
    public static final int FIRST_HEAD = 2;
    /** In {@code shape}: key and value heads of this part of the cache. */
    public static final int OWN_HEADS = 3;
    /** In {@code shape}: positions that a row sees, its own included; 0 for all. */
    public static final int WINDOW = 4;
    /** In {@code shape}: columns of a head. */
    public static final int COLUMNS = 5;
    /** In {@code shape}: scores of a tile for each thread. */
    public static final int EACH = 6;
    /** Elements of {@code shape}. */
    public static final int SHAPE = 7;
    /** Most columns of a head: a warp has four tiles of eight, and local memory stays under 48 KiB. */
    private static final int MOST_COLUMNS = 128;

    private PrefillTensor() {}

    /** Whether heads have whole fragments and fit. */
    public static boolean suits(int headDim) {
        return headDim % 16 == 0 && headDim <= MOST_COLUMNS;
    }

    /** Floats of {@code scratch} for a work-group: scores of a tile, or sums. */
    public static int scratch(int headDim) {
        return 64 * TornadoMath.max(64, headDim);
    }

    /**
     * Attention of one head and {@code queries} rows.
     *
     * @param half2keys the cache; its name is for TornadoVM, as {@link TensorTiles} says
     * @param half2values the cache
     * @param scratch {@link #scratch} floats for each work-group
     * @param shape sizes
     * @param queries rows of a tile: 64, or 32 with what rounding left of queries and weights
     */
    public static void attend(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            HalfFloatArray half2keys,
            HalfFloatArray half2values,
            FloatArray scratch,
            FloatArray out,
            IntArray shape,
            int headDim,
            float scale,
            int queries) {
        int tid = context.localIdx;
        int lane = tid & 31;
        int warp = tid >> 5;
        int heads = shape.get(HEADS);
        int kvHeads = shape.get(KV_HEADS);
        int ownHeads = shape.get(OWN_HEADS);
        int window = shape.get(WINDOW);
        // What the compiler does not know it does not unroll, which it does without end.
        int columns = shape.get(COLUMNS);
        // Rows of an odd multiple of 16 bytes, so that no two rows of eight meet in a bank.
        int pitch = headDim / 2 + 4;
        // Fragments begin at a multiple of 16 bytes, and so must each array.
        int[] query = context.allocateIntLocalArray(32 * headDim);
        // Keys row by row, or values in columns of eight.
        int[] cached = context.allocateIntLocalArray(32 * headDim + 256);
        int[] weights = context.allocateIntLocalArray(2304);
        float[] parts = context.allocateFloatLocalArray(256);
        float[] each = context.allocateFloatLocalArray(64);
        int[] tables = context.allocateIntLocalArray(64);
        int[] last = context.allocateIntLocalArray(64);
        int perKey = heads / kvHeads;
        int ownQueries = ownHeads * perKey;
        int head = shape.get(FIRST_HEAD) * perKey + context.groupIdx % ownQueries;
        int kvHead = context.groupIdx % ownQueries / perKey;
        int start = step.get(0) + context.groupIdx / ownQueries * queries;
        int count = TornadoMath.min(queries, step.get(0) + step.get(2) - start);
        int base = context.groupIdx * scratch(headDim);
        int half = headDim / 2;
        int columnTiles = headDim / 8;
        // A thread has one query and some neighbouring positions of a tile.
        int own = tid % queries;
        int per = shape.get(EACH);
        int firstOwn = tid / queries * (queries / 4);
        int scoreAt = base + firstOwn * 64 + own;
        int weightAt = own * 36 + firstOwn / 2;
        // A warp has 16 positions and 32 queries of scores, 32 rows and every fourth tile of columns of sums.
        int keyFrom = (warp & 3) * 64 * pitch + (lane & 15) * (pitch * 4 - 32);
        int queryFrom = (warp >> 2) * 64 * headDim;
        int scoreTo = base + (warp & 3) * 1024 + (warp >> 2) * 32;
        int weightFrom = (warp & 1) * 4608 + (lane & 15) * 112;
        int columnTile = warp >> 1;
        int valueFrom0 = TornadoMath.min(columnTile, columnTiles - 1) * 1040;
        int valueFrom1 = TornadoMath.min(columnTile + 4, columnTiles - 1) * 1040;
        int valueFrom2 = TornadoMath.min(columnTile + 8, columnTiles - 1) * 1040;
        int valueFrom3 = TornadoMath.min(columnTile + 12, columnTiles - 1) * 1040;
        if (tid < count) {
            last[tid] = rowInfo.get(3 * (start + tid));
            tables[tid] = rowInfo.get(3 * (start + tid) + 1);
        }
        context.localBarrier();
        // Rows of the tile that belong to one sequence go together.
        int begin = 0;
        while (begin < count) {
            int table = tables[begin];
            int rows = 0;
            int lowest = last[begin];
            int highest = lowest;
            int inside = 1;
            for (int i = begin; i < count; i++) {
                if (tables[i] != table) {
                    inside = 0;
                }
                if (inside == 1) {
                    rows = rows + 1;
                    lowest = TornadoMath.min(lowest, last[i]);
                    highest = TornadoMath.max(highest, last[i]);
                }
            }
            int seenFrom = 0;
            int seenTo = 0;
            if (own < rows) {
                seenTo = last[begin + own] + 1;
            }
            if (window > 0) {
                lowest = TornadoMath.max(0, lowest + 1 - window);
                seenFrom = TornadoMath.max(0, seenTo - window);
            } else {
                lowest = 0;
            }
            int firstTile = lowest / 64 * 64;
            int qkvRow = (heads + 2 * kvHeads) * headDim;
            int qkvAt = (start + begin) * qkvRow + head * headDim;
            for (int e = tid; e < queries / 2 * headDim; e += 1024) {
                int e0 = TornadoMath.min(e, queries / 2 * headDim - 1);
                int e1 = TornadoMath.min(e + 256, queries / 2 * headDim - 1);
                int e2 = TornadoMath.min(e + 512, queries / 2 * headDim - 1);
                int e3 = TornadoMath.min(e + 768, queries / 2 * headDim - 1);
                float q0 = query(qkv, qkvAt, e0 / headDim * 2, rows, qkvRow, e0 % headDim);
                float q1 = query(qkv, qkvAt, e0 / headDim * 2 + 1, rows, qkvRow, e0 % headDim);
                float q2 = query(qkv, qkvAt, e1 / headDim * 2, rows, qkvRow, e1 % headDim);
                float q3 = query(qkv, qkvAt, e1 / headDim * 2 + 1, rows, qkvRow, e1 % headDim);
                float q4 = query(qkv, qkvAt, e2 / headDim * 2, rows, qkvRow, e2 % headDim);
                float q5 = query(qkv, qkvAt, e2 / headDim * 2 + 1, rows, qkvRow, e2 % headDim);
                float q6 = query(qkv, qkvAt, e3 / headDim * 2, rows, qkvRow, e3 % headDim);
                float q7 = query(qkv, qkvAt, e3 / headDim * 2 + 1, rows, qkvRow, e3 % headDim);
                float near0 = TensorTiles.rounded(q0);
                float near1 = TensorTiles.rounded(q1);
                float near2 = TensorTiles.rounded(q2);
                float near3 = TensorTiles.rounded(q3);
                float near4 = TensorTiles.rounded(q4);
                float near5 = TensorTiles.rounded(q5);
                float near6 = TensorTiles.rounded(q6);
                float near7 = TensorTiles.rounded(q7);
                int slot0 = querySlot(e0 / headDim, e0 % headDim, headDim);
                int slot1 = querySlot(e1 / headDim, e1 % headDim, headDim);
                int slot2 = querySlot(e2 / headDim, e2 % headDim, headDim);
                int slot3 = querySlot(e3 / headDim, e3 % headDim, headDim);
                query[slot0] = TensorTiles.pair(near0, near1);
                query[slot1] = TensorTiles.pair(near2, near3);
                query[slot2] = TensorTiles.pair(near4, near5);
                query[slot3] = TensorTiles.pair(near6, near7);
                if (queries == 32) {
                    query[slot0 + 16 * headDim] = restOf(q0, near0, q1, near1);
                    query[slot1 + 16 * headDim] = restOf(q2, near2, q3, near3);
                    query[slot2 + 16 * headDim] = restOf(q4, near4, q5, near5);
                    query[slot3 + 16 * headDim] = restOf(q6, near6, q7, near7);
                }
            }
            // The highest scores.
            float most = -3.0e38f;
            for (int tile = firstTile; tile <= highest; tile += 64) {
                int block = rowInfo.get(table + tile / BLOCK);
                int cache = ((block * ownHeads + kvHead) * BLOCK + tile % BLOCK) * headDim;
                int from = lowest - tile;
                int to = highest - tile;
                for (int e = tid; e < 64 * half; e += 2048) {
                    int e0 = TornadoMath.min(e, 64 * half - 1);
                    int e1 = TornadoMath.min(e + 256, 64 * half - 1);
                    int e2 = TornadoMath.min(e + 512, 64 * half - 1);
                    int e3 = TornadoMath.min(e + 768, 64 * half - 1);
                    int e4 = TornadoMath.min(e + 1024, 64 * half - 1);
                    int e5 = TornadoMath.min(e + 1280, 64 * half - 1);
                    int e6 = TornadoMath.min(e + 1536, 64 * half - 1);
                    int e7 = TornadoMath.min(e + 1792, 64 * half - 1);
                    int h0 = halves(half2keys, cache + element(e0, half, from, to));
                    int h1 = halves(half2keys, cache + element(e1, half, from, to));
                    int h2 = halves(half2keys, cache + element(e2, half, from, to));
                    int h3 = halves(half2keys, cache + element(e3, half, from, to));
                    int h4 = halves(half2keys, cache + element(e4, half, from, to));
                    int h5 = halves(half2keys, cache + element(e5, half, from, to));
                    int h6 = halves(half2keys, cache + element(e6, half, from, to));
                    int h7 = halves(half2keys, cache + element(e7, half, from, to));
                    cached[keySlot(e0, half, pitch)] = h0;
                    cached[keySlot(e1, half, pitch)] = h1;
                    cached[keySlot(e2, half, pitch)] = h2;
                    cached[keySlot(e3, half, pitch)] = h3;
                    cached[keySlot(e4, half, pitch)] = h4;
                    cached[keySlot(e5, half, pitch)] = h5;
                    cached[keySlot(e6, half, pitch)] = h6;
                    cached[keySlot(e7, half, pitch)] = h7;
                }
                context.localBarrier();
                float[] t0 = context.mmaFragment(0f);
                float[] t1 = context.mmaFragment(0f);
                float[] t2 = context.mmaFragment(0f);
                float[] t3 = context.mmaFragment(0f);
                for (int d = 0; d < columns; d += 16) {
                    int b = queryFrom + d * 16;
                    HalfFloat[] k = context.mmaLoadA(cached, 16, keyFrom + d * 2);
                    HalfFloat[] q0 = context.mmaLoadB(query, 16, b);
                    t0 = context.mma(k, q0, t0, MMAShape.M16N8K16);
                    HalfFloat[] q1 = context.mmaLoadB(query, 16, b + 16 * headDim);
                    t1 = context.mma(k, q1, t1, MMAShape.M16N8K16);
                    HalfFloat[] q2 = context.mmaLoadB(query, 16, b + 32 * headDim);
                    t2 = context.mma(k, q2, t2, MMAShape.M16N8K16);
                    HalfFloat[] q3 = context.mmaLoadB(query, 16, b + 48 * headDim);
                    t3 = context.mma(k, q3, t3, MMAShape.M16N8K16);
                }
                context.mmaStore(t0, scratch, 0, scoreTo, 64);
                context.mmaStore(t1, scratch, 0, scoreTo + 8, 64);
                context.mmaStore(t2, scratch, 0, scoreTo + 16, 64);
                context.mmaStore(t3, scratch, 0, scoreTo + 24, 64);
                context.localBarrier();
                for (int i = 0; i < per; i += 4) {
                    int at = scoreAt + i * 64;
                    float s0 = scratch.get(at);
                    float s1 = scratch.get(at + 64);
                    float s2 = scratch.get(at + 128);
                    float s3 = scratch.get(at + 192);
                    if (queries == 32) {
                        float r0 = scratch.get(at + 32);
                        float r1 = scratch.get(at + 96);
                        float r2 = scratch.get(at + 160);
                        float r3 = scratch.get(at + 224);
                        s0 += r0 * 0x1p-11f;
                        s1 += r1 * 0x1p-11f;
                        s2 += r2 * 0x1p-11f;
                        s3 += r3 * 0x1p-11f;
                    }
                    int p = tile + firstOwn + i;
                    most = TornadoMath.max(most, score(s0 * scale, p, seenFrom, seenTo));
                    most = TornadoMath.max(most, score(s1 * scale, p + 1, seenFrom, seenTo));
                    most = TornadoMath.max(most, score(s2 * scale, p + 2, seenFrom, seenTo));
                    most = TornadoMath.max(most, score(s3 * scale, p + 3, seenFrom, seenTo));
                }
            }
            parts[tid] = most;
            context.localBarrier();
            for (int i = own; i < 256; i += queries) {
                most = TornadoMath.max(most, parts[i]);
            }
            // The scores again, weights and sums: a loop of its own, and one in it that is unrolled, since
            // TornadoVM's CUDA backend does not compile fragments that come from a merge and go into one.
            float total = 0f;
            float[] s00 = context.mmaFragment(0f);
            float[] s01 = context.mmaFragment(0f);
            float[] s02 = context.mmaFragment(0f);
            float[] s03 = context.mmaFragment(0f);
            float[] s10 = context.mmaFragment(0f);
            float[] s11 = context.mmaFragment(0f);
            float[] s12 = context.mmaFragment(0f);
            float[] s13 = context.mmaFragment(0f);
            for (int tile = firstTile; tile <= highest; tile += 64) {
                int block = rowInfo.get(table + tile / BLOCK);
                int cache = ((block * ownHeads + kvHead) * BLOCK + tile % BLOCK) * headDim;
                int from = lowest - tile;
                int to = highest - tile;
                for (int e = tid; e < 64 * half; e += 2048) {
                    int e0 = TornadoMath.min(e, 64 * half - 1);
                    int e1 = TornadoMath.min(e + 256, 64 * half - 1);
                    int e2 = TornadoMath.min(e + 512, 64 * half - 1);
                    int e3 = TornadoMath.min(e + 768, 64 * half - 1);
                    int e4 = TornadoMath.min(e + 1024, 64 * half - 1);
                    int e5 = TornadoMath.min(e + 1280, 64 * half - 1);
                    int e6 = TornadoMath.min(e + 1536, 64 * half - 1);
                    int e7 = TornadoMath.min(e + 1792, 64 * half - 1);
                    int h0 = halves(half2keys, cache + element(e0, half, from, to));
                    int h1 = halves(half2keys, cache + element(e1, half, from, to));
                    int h2 = halves(half2keys, cache + element(e2, half, from, to));
                    int h3 = halves(half2keys, cache + element(e3, half, from, to));
                    int h4 = halves(half2keys, cache + element(e4, half, from, to));
                    int h5 = halves(half2keys, cache + element(e5, half, from, to));
                    int h6 = halves(half2keys, cache + element(e6, half, from, to));
                    int h7 = halves(half2keys, cache + element(e7, half, from, to));
                    cached[keySlot(e0, half, pitch)] = h0;
                    cached[keySlot(e1, half, pitch)] = h1;
                    cached[keySlot(e2, half, pitch)] = h2;
                    cached[keySlot(e3, half, pitch)] = h3;
                    cached[keySlot(e4, half, pitch)] = h4;
                    cached[keySlot(e5, half, pitch)] = h5;
                    cached[keySlot(e6, half, pitch)] = h6;
                    cached[keySlot(e7, half, pitch)] = h7;
                }
                context.localBarrier();
                float[] t0 = context.mmaFragment(0f);
                float[] t1 = context.mmaFragment(0f);
                float[] t2 = context.mmaFragment(0f);
                float[] t3 = context.mmaFragment(0f);
                for (int d = 0; d < columns; d += 16) {
                    int b = queryFrom + d * 16;
                    HalfFloat[] k = context.mmaLoadA(cached, 16, keyFrom + d * 2);
                    HalfFloat[] q0 = context.mmaLoadB(query, 16, b);
                    t0 = context.mma(k, q0, t0, MMAShape.M16N8K16);
                    HalfFloat[] q1 = context.mmaLoadB(query, 16, b + 16 * headDim);
                    t1 = context.mma(k, q1, t1, MMAShape.M16N8K16);
                    HalfFloat[] q2 = context.mmaLoadB(query, 16, b + 32 * headDim);
                    t2 = context.mma(k, q2, t2, MMAShape.M16N8K16);
                    HalfFloat[] q3 = context.mmaLoadB(query, 16, b + 48 * headDim);
                    t3 = context.mma(k, q3, t3, MMAShape.M16N8K16);
                }
                context.mmaStore(t0, scratch, 0, scoreTo, 64);
                context.mmaStore(t1, scratch, 0, scoreTo + 8, 64);
                context.mmaStore(t2, scratch, 0, scoreTo + 16, 64);
                context.mmaStore(t3, scratch, 0, scoreTo + 24, 64);
                context.localBarrier();
                for (int i = 0; i < per; i += 4) {
                    int at = scoreAt + i * 64;
                    float s0 = scratch.get(at);
                    float s1 = scratch.get(at + 64);
                    float s2 = scratch.get(at + 128);
                    float s3 = scratch.get(at + 192);
                    if (queries == 32) {
                        float r0 = scratch.get(at + 32);
                        float r1 = scratch.get(at + 96);
                        float r2 = scratch.get(at + 160);
                        float r3 = scratch.get(at + 224);
                        s0 += r0 * 0x1p-11f;
                        s1 += r1 * 0x1p-11f;
                        s2 += r2 * 0x1p-11f;
                        s3 += r3 * 0x1p-11f;
                    }
                    int p = tile + firstOwn + i;
                    float w0 = weight(s0 * scale - most, p, seenFrom, seenTo);
                    float w1 = weight(s1 * scale - most, p + 1, seenFrom, seenTo);
                    float w2 = weight(s2 * scale - most, p + 2, seenFrom, seenTo);
                    float w3 = weight(s3 * scale - most, p + 3, seenFrom, seenTo);
                    float near0 = TensorTiles.rounded(w0);
                    float near1 = TensorTiles.rounded(w1);
                    float near2 = TensorTiles.rounded(w2);
                    float near3 = TensorTiles.rounded(w3);
                    int slot = weightAt + i / 2;
                    weights[slot] = TensorTiles.pair(near0, near1);
                    weights[slot + 1] = TensorTiles.pair(near2, near3);
                    if (queries == 64) {
                        total += near0 + near1 + (near2 + near3);
                    } else {
                        total += w0 + w1 + (w2 + w3);
                        weights[slot + 1152] = restOf(w0, near0, w1, near1);
                        weights[slot + 1153] = restOf(w2, near2, w3, near3);
                    }
                }
                for (int e = tid; e < 64 * half; e += 2048) {
                    int e0 = TornadoMath.min(e, 64 * half - 1);
                    int e1 = TornadoMath.min(e + 256, 64 * half - 1);
                    int e2 = TornadoMath.min(e + 512, 64 * half - 1);
                    int e3 = TornadoMath.min(e + 768, 64 * half - 1);
                    int e4 = TornadoMath.min(e + 1024, 64 * half - 1);
                    int e5 = TornadoMath.min(e + 1280, 64 * half - 1);
                    int e6 = TornadoMath.min(e + 1536, 64 * half - 1);
                    int e7 = TornadoMath.min(e + 1792, 64 * half - 1);
                    int h0 = halves(half2values, cache + element(e0, half, from, to));
                    int h1 = halves(half2values, cache + element(e1, half, from, to));
                    int h2 = halves(half2values, cache + element(e2, half, from, to));
                    int h3 = halves(half2values, cache + element(e3, half, from, to));
                    int h4 = halves(half2values, cache + element(e4, half, from, to));
                    int h5 = halves(half2values, cache + element(e5, half, from, to));
                    int h6 = halves(half2values, cache + element(e6, half, from, to));
                    int h7 = halves(half2values, cache + element(e7, half, from, to));
                    cached[valueSlot(e0, half)] = h0;
                    cached[valueSlot(e1, half)] = h1;
                    cached[valueSlot(e2, half)] = h2;
                    cached[valueSlot(e3, half)] = h3;
                    cached[valueSlot(e4, half)] = h4;
                    cached[valueSlot(e5, half)] = h5;
                    cached[valueSlot(e6, half)] = h6;
                    cached[valueSlot(e7, half)] = h7;
                }
                context.localBarrier();
                for (int p = 0; p < 64; p += 16) {
                    HalfFloat[] w0 = context.mmaLoadA(weights, 16, weightFrom + p * 2);
                    HalfFloat[] w1 = context.mmaLoadA(weights, 16, weightFrom + p * 2 + 2304);
                    HalfFloat[] v0 = context.mmaLoadB(cached, 16, valueFrom0 + p * 16);
                    s00 = context.mma(w0, v0, s00, MMAShape.M16N8K16);
                    s10 = context.mma(w1, v0, s10, MMAShape.M16N8K16);
                    HalfFloat[] v1 = context.mmaLoadB(cached, 16, valueFrom1 + p * 16);
                    s01 = context.mma(w0, v1, s01, MMAShape.M16N8K16);
                    s11 = context.mma(w1, v1, s11, MMAShape.M16N8K16);
                    HalfFloat[] v2 = context.mmaLoadB(cached, 16, valueFrom2 + p * 16);
                    s02 = context.mma(w0, v2, s02, MMAShape.M16N8K16);
                    s12 = context.mma(w1, v2, s12, MMAShape.M16N8K16);
                    HalfFloat[] v3 = context.mmaLoadB(cached, 16, valueFrom3 + p * 16);
                    s03 = context.mma(w0, v3, s03, MMAShape.M16N8K16);
                    s13 = context.mma(w1, v3, s13, MMAShape.M16N8K16);
                }
                context.localBarrier();
            }
            int sumTo = base + (warp & 1) * 32 * headDim + columnTile * 8;
            if (columnTile < columnTiles) {
                context.mmaStore(s00, scratch, 0, sumTo, headDim);
                context.mmaStore(s10, scratch, 16, sumTo, headDim);
            }
            if (columnTile + 4 < columnTiles) {
                context.mmaStore(s01, scratch, 0, sumTo + 32, headDim);
                context.mmaStore(s11, scratch, 16, sumTo + 32, headDim);
            }
            if (columnTile + 8 < columnTiles) {
                context.mmaStore(s02, scratch, 0, sumTo + 64, headDim);
                context.mmaStore(s12, scratch, 16, sumTo + 64, headDim);
            }
            if (columnTile + 12 < columnTiles) {
                context.mmaStore(s03, scratch, 0, sumTo + 96, headDim);
                context.mmaStore(s13, scratch, 16, sumTo + 96, headDim);
            }
            parts[tid] = total;
            context.localBarrier();
            if (tid < queries) {
                float sum = 0f;
                for (int i = tid; i < 256; i += queries) {
                    sum += parts[i];
                }
                each[tid] = sum;
            }
            context.localBarrier();
            int outAt = (start + begin) * heads * headDim + head * headDim;
            for (int e = tid; e < rows * headDim; e += 1024) {
                int e0 = TornadoMath.min(e, rows * headDim - 1);
                int e1 = TornadoMath.min(e + 256, rows * headDim - 1);
                int e2 = TornadoMath.min(e + 512, rows * headDim - 1);
                int e3 = TornadoMath.min(e + 768, rows * headDim - 1);
                float s0 = scratch.get(base + e0);
                float s1 = scratch.get(base + e1);
                float s2 = scratch.get(base + e2);
                float s3 = scratch.get(base + e3);
                if (queries == 32) {
                    float r0 = scratch.get(base + e0 + 32 * headDim);
                    float r1 = scratch.get(base + e1 + 32 * headDim);
                    float r2 = scratch.get(base + e2 + 32 * headDim);
                    float r3 = scratch.get(base + e3 + 32 * headDim);
                    s0 += r0 * 0x1p-11f;
                    s1 += r1 * 0x1p-11f;
                    s2 += r2 * 0x1p-11f;
                    s3 += r3 * 0x1p-11f;
                }
                out.set(outAt + e0 / headDim * heads * headDim + e0 % headDim, s0 / each[e0 / headDim]);
                out.set(outAt + e1 / headDim * heads * headDim + e1 % headDim, s1 / each[e1 / headDim]);
                out.set(outAt + e2 / headDim * heads * headDim + e2 % headDim, s2 / each[e2 / headDim]);
                out.set(outAt + e3 / headDim * heads * headDim + e3 % headDim, s3 / each[e3 / headDim]);
            }
            context.localBarrier();
            begin = begin + rows;
        }
    }

    /** The query of row {@code i}, or 0 where there is no such row. */
    private static float query(FloatArray qkv, int at, int i, int rows, int stride, int d) {
        float q = TensorTiles.held(qkv.get(at + TornadoMath.min(i, rows - 1) * stride + d));
        if (i >= rows) {
            q = 0f;
        }
        return q;
    }

    /** Where column {@code d} of a pair of queries is: columns of eight queries, pairs beside each other. */
    private static int querySlot(int pair, int d, int headDim) {
        return ((pair >> 2) * headDim + d) * 4 + (pair & 3);
    }

    /** What rounding left of two numbers. */
    private static int restOf(float a, float nearA, float b, float nearB) {
        return TensorTiles.pair(
                TensorTiles.rounded(TensorTiles.rest(a, nearA)), TensorTiles.rounded(TensorTiles.rest(b, nearB)));
    }

    /** Where pair {@code e} of a tile is in a block of the cache, of positions that may be read. */
    private static int element(int e, int half, int from, int to) {
        return (TornadoMath.max(from, TornadoMath.min(e / half, to)) * half + e % half) * 2;
    }

    private static int halves(HalfFloatArray cache, int at) {
        return (cache.get(at).getHalfFloatValue() & 0xFFFF) | (cache.get(at + 1).getHalfFloatValue() & 0xFFFF) << 16;
    }

    /** Where pair {@code e} of a tile of keys goes: row by row. */
    private static int keySlot(int e, int half, int pitch) {
        return e / half * pitch + e % half;
    }

    /** Where pair {@code e} of a tile of values goes: in columns of eight, one row further apart than it has rows. */
    private static int valueSlot(int e, int half) {
        int pair = e % half;
        return ((pair >> 2) * 65 + e / half) * 4 + (pair & 3);
    }

    private static float score(float s, int position, int seenFrom, int seenTo) {
        float score = s;
        if (position < seenFrom) {
            score = -3.0e38f;
        }
        if (position >= seenTo) {
            score = -3.0e38f;
        }
        return score;
    }

    private static float weight(float s, int position, int seenFrom, int seenTo) {
        float weight = TornadoMath.exp(s);
        if (position < seenFrom) {
            weight = 0f;
        }
        if (position >= seenTo) {
            weight = 0f;
        }
        return weight;
    }
}
