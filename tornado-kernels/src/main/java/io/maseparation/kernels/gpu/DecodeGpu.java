package io.maseparation.kernels.gpu;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gpu bodies of {@code DecodeAttention} for heads of any size: one work-group per row and head, with a running softmax
 * over tiles of 256 positions that its warps share.
 */
public final class DecodeGpu {
    /** Threads of a work-group. */
    public static final int GROUP = 128;

    private DecodeGpu() {}

    /** Cache of fp32. */
    public static void f32(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray kCache,
            FloatArray vCache,
            FloatArray out,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            float scale,
            int window) {
        int tid = context.localIdx;
        int lane = tid % 32;
        int warp = tid / 32;
        float[] query = context.allocateFloatLocalArray(headDim);
        float[] sums = context.allocateFloatLocalArray(headDim);
        float[] weights = context.allocateFloatLocalArray(256);
        float[] partial = context.allocateFloatLocalArray(8);
        int ownQueries = ownHeads * (heads / kvHeads);
        int r = context.groupIdx / ownQueries;
        if (r < step.get(1) - step.get(2)) {
            int head = firstHead * (heads / kvHeads) + context.groupIdx % ownQueries;
            int kvHead = context.groupIdx % ownQueries / (heads / kvHeads);
            int row = step.get(0) + step.get(2) + r;
            int position = rowInfo.get(3 * row);
            int lowest = 0;
            if (window > 0) {
                lowest = TornadoMath.max(0, position + 1 - window);
            }
            int table = rowInfo.get(3 * row + 1);
            int q = (row * (heads + 2 * kvHeads) + head) * headDim;
            for (int d = tid; d < headDim; d += 128) {
                query[d] = qkv.get(q + d);
                sums[d] = 0f;
            }
            context.localBarrier();
            float highest = -3.0e38f;
            float total = 0f;
            for (int tile = lowest / 256 * 256; tile <= position; tile += 256) {
                int from = TornadoMath.max(lowest, tile) - tile;
                int to = TornadoMath.min(position + 1, tile + 256) - tile;
                // Scores: each warp takes eight positions, so that eight loads are under way; past the end it takes
                // the last one again.
                for (int start = from / 32 * 32; start < to; start += 32) {
                    int p = start + warp;
                    int block = rowInfo.get(table + (tile + start) / BLOCK);
                    // Where position 0 of the tile would be in this block.
                    int cache = (block * ownHeads + kvHead) * BLOCK + (tile + start) % BLOCK - start;
                    int at0 = (cache + TornadoMath.min(p, to - 1)) * headDim;
                    int at1 = (cache + TornadoMath.min(p + 4, to - 1)) * headDim;
                    int at2 = (cache + TornadoMath.min(p + 8, to - 1)) * headDim;
                    int at3 = (cache + TornadoMath.min(p + 12, to - 1)) * headDim;
                    int at4 = (cache + TornadoMath.min(p + 16, to - 1)) * headDim;
                    int at5 = (cache + TornadoMath.min(p + 20, to - 1)) * headDim;
                    int at6 = (cache + TornadoMath.min(p + 24, to - 1)) * headDim;
                    int at7 = (cache + TornadoMath.min(p + 28, to - 1)) * headDim;
                    float part0 = 0f;
                    float part1 = 0f;
                    float part2 = 0f;
                    float part3 = 0f;
                    float part4 = 0f;
                    float part5 = 0f;
                    float part6 = 0f;
                    float part7 = 0f;
                    for (int d = lane; d < headDim; d += 32) {
                        float k0 = kCache.get(at0 + d);
                        float k1 = kCache.get(at1 + d);
                        float k2 = kCache.get(at2 + d);
                        float k3 = kCache.get(at3 + d);
                        float k4 = kCache.get(at4 + d);
                        float k5 = kCache.get(at5 + d);
                        float k6 = kCache.get(at6 + d);
                        float k7 = kCache.get(at7 + d);
                        float q0 = query[d];
                        part0 += q0 * k0;
                        part1 += q0 * k1;
                        part2 += q0 * k2;
                        part3 += q0 * k3;
                        part4 += q0 * k4;
                        part5 += q0 * k5;
                        part6 += q0 * k6;
                        part7 += q0 * k7;
                    }
                    part0 = context.simdSum(part0);
                    part1 = context.simdSum(part1);
                    part2 = context.simdSum(part2);
                    part3 = context.simdSum(part3);
                    part4 = context.simdSum(part4);
                    part5 = context.simdSum(part5);
                    part6 = context.simdSum(part6);
                    part7 = context.simdSum(part7);
                    if (lane == 0 && p < to) {
                        weights[p] = part0 * scale;
                    }
                    if (lane == 0 && p + 4 < to) {
                        weights[p + 4] = part1 * scale;
                    }
                    if (lane == 0 && p + 8 < to) {
                        weights[p + 8] = part2 * scale;
                    }
                    if (lane == 0 && p + 12 < to) {
                        weights[p + 12] = part3 * scale;
                    }
                    if (lane == 0 && p + 16 < to) {
                        weights[p + 16] = part4 * scale;
                    }
                    if (lane == 0 && p + 20 < to) {
                        weights[p + 20] = part5 * scale;
                    }
                    if (lane == 0 && p + 24 < to) {
                        weights[p + 24] = part6 * scale;
                    }
                    if (lane == 0 && p + 28 < to) {
                        weights[p + 28] = part7 * scale;
                    }
                }
                context.localBarrier();
                // The highest score of the tile.
                float most = -3.0e38f;
                for (int p = from + tid; p < to; p += 128) {
                    most = TornadoMath.max(most, weights[p]);
                }
                for (int distance = 16; distance > 0; distance = distance / 2) {
                    most = TornadoMath.max(most, context.simdShuffleDown(most, distance));
                }
                if (lane == 0) {
                    partial[warp] = most;
                }
                context.localBarrier();
                most = TornadoMath.max(
                        TornadoMath.max(partial[0], partial[1]), TornadoMath.max(partial[2], partial[3]));
                float now = TornadoMath.max(highest, most);
                float correction = TornadoMath.exp(highest - now);
                highest = now;
                // Exponentials and their sum.
                float sum = 0f;
                for (int p = from + tid; p < to; p += 128) {
                    float weight = TornadoMath.exp(weights[p] - now);
                    weights[p] = weight;
                    sum += weight;
                }
                sum = context.simdSum(sum);
                if (lane == 0) {
                    partial[4 + warp] = sum;
                }
                context.localBarrier();
                total = total * correction + (partial[4] + partial[5] + partial[6] + partial[7]);
                // Values: one thread per column.
                for (int d = tid; d < headDim; d += 128) {
                    float value = 0f;
                    for (int start = from / BLOCK * BLOCK; start < to; start += BLOCK) {
                        int block = rowInfo.get(table + (tile + start) / BLOCK);
                        int values = ((block * ownHeads + kvHead) * BLOCK - start) * headDim + d;
                        int end = TornadoMath.min(to, start + BLOCK);
                        int p = TornadoMath.max(from, start);
                        for (; p + 15 < end; p += 16) {
                            int at = values + p * headDim;
                            float v0 = vCache.get(at);
                            float v1 = vCache.get(at + headDim);
                            float v2 = vCache.get(at + 2 * headDim);
                            float v3 = vCache.get(at + 3 * headDim);
                            float v4 = vCache.get(at + 4 * headDim);
                            float v5 = vCache.get(at + 5 * headDim);
                            float v6 = vCache.get(at + 6 * headDim);
                            float v7 = vCache.get(at + 7 * headDim);
                            float v8 = vCache.get(at + 8 * headDim);
                            float v9 = vCache.get(at + 9 * headDim);
                            float v10 = vCache.get(at + 10 * headDim);
                            float v11 = vCache.get(at + 11 * headDim);
                            float v12 = vCache.get(at + 12 * headDim);
                            float v13 = vCache.get(at + 13 * headDim);
                            float v14 = vCache.get(at + 14 * headDim);
                            float v15 = vCache.get(at + 15 * headDim);
                            value += weights[p] * v0;
                            value += weights[p + 1] * v1;
                            value += weights[p + 2] * v2;
                            value += weights[p + 3] * v3;
                            value += weights[p + 4] * v4;
                            value += weights[p + 5] * v5;
                            value += weights[p + 6] * v6;
                            value += weights[p + 7] * v7;
                            value += weights[p + 8] * v8;
                            value += weights[p + 9] * v9;
                            value += weights[p + 10] * v10;
                            value += weights[p + 11] * v11;
                            value += weights[p + 12] * v12;
                            value += weights[p + 13] * v13;
                            value += weights[p + 14] * v14;
                            value += weights[p + 15] * v15;
                        }
                        for (; p < end; p++) {
                            value += weights[p] * vCache.get(values + p * headDim);
                        }
                    }
                    sums[d] = sums[d] * correction + value;
                }
                context.localBarrier();
            }
            int o = (row * heads + head) * headDim;
            for (int d = tid; d < headDim; d += 128) {
                out.set(o + d, sums[d] / total);
            }
        }
    }

    /** Cache of fp16. */
    public static void f16(
            KernelContext context,
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            FloatArray out,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            float scale,
            int window) {
        int tid = context.localIdx;
        int lane = tid % 32;
        int warp = tid / 32;
        float[] query = context.allocateFloatLocalArray(headDim);
        float[] sums = context.allocateFloatLocalArray(headDim);
        float[] weights = context.allocateFloatLocalArray(256);
        float[] partial = context.allocateFloatLocalArray(8);
        int ownQueries = ownHeads * (heads / kvHeads);
        int r = context.groupIdx / ownQueries;
        if (r < step.get(1) - step.get(2)) {
            int head = firstHead * (heads / kvHeads) + context.groupIdx % ownQueries;
            int kvHead = context.groupIdx % ownQueries / (heads / kvHeads);
            int row = step.get(0) + step.get(2) + r;
            int position = rowInfo.get(3 * row);
            int lowest = 0;
            if (window > 0) {
                lowest = TornadoMath.max(0, position + 1 - window);
            }
            int table = rowInfo.get(3 * row + 1);
            int q = (row * (heads + 2 * kvHeads) + head) * headDim;
            for (int d = tid; d < headDim; d += 128) {
                query[d] = qkv.get(q + d);
                sums[d] = 0f;
            }
            context.localBarrier();
            float highest = -3.0e38f;
            float total = 0f;
            for (int tile = lowest / 256 * 256; tile <= position; tile += 256) {
                int from = TornadoMath.max(lowest, tile) - tile;
                int to = TornadoMath.min(position + 1, tile + 256) - tile;
                // Scores: each warp takes eight positions and 64 columns, so that sixteen loads are under way; past the
                // end it takes the last one again.
                for (int start = from / 32 * 32; start < to; start += 32) {
                    int p = start + warp;
                    int block = rowInfo.get(table + (tile + start) / BLOCK);
                    // Where position 0 of the tile would be in this block.
                    int cache = (block * ownHeads + kvHead) * BLOCK + (tile + start) % BLOCK - start;
                    int at0 = (cache + TornadoMath.min(p, to - 1)) * headDim;
                    int at1 = (cache + TornadoMath.min(p + 4, to - 1)) * headDim;
                    int at2 = (cache + TornadoMath.min(p + 8, to - 1)) * headDim;
                    int at3 = (cache + TornadoMath.min(p + 12, to - 1)) * headDim;
                    int at4 = (cache + TornadoMath.min(p + 16, to - 1)) * headDim;
                    int at5 = (cache + TornadoMath.min(p + 20, to - 1)) * headDim;
                    int at6 = (cache + TornadoMath.min(p + 24, to - 1)) * headDim;
                    int at7 = (cache + TornadoMath.min(p + 28, to - 1)) * headDim;
                    float part0 = 0f;
                    float part1 = 0f;
                    float part2 = 0f;
                    float part3 = 0f;
                    float part4 = 0f;
                    float part5 = 0f;
                    float part6 = 0f;
                    float part7 = 0f;
                    int d = lane;
                    for (; d + 32 < headDim; d += 64) {
                        float k0 = kCache.get(at0 + d).getFloat32();
                        float k1 = kCache.get(at1 + d).getFloat32();
                        float k2 = kCache.get(at2 + d).getFloat32();
                        float k3 = kCache.get(at3 + d).getFloat32();
                        float k4 = kCache.get(at4 + d).getFloat32();
                        float k5 = kCache.get(at5 + d).getFloat32();
                        float k6 = kCache.get(at6 + d).getFloat32();
                        float k7 = kCache.get(at7 + d).getFloat32();
                        float next0 = kCache.get(at0 + d + 32).getFloat32();
                        float next1 = kCache.get(at1 + d + 32).getFloat32();
                        float next2 = kCache.get(at2 + d + 32).getFloat32();
                        float next3 = kCache.get(at3 + d + 32).getFloat32();
                        float next4 = kCache.get(at4 + d + 32).getFloat32();
                        float next5 = kCache.get(at5 + d + 32).getFloat32();
                        float next6 = kCache.get(at6 + d + 32).getFloat32();
                        float next7 = kCache.get(at7 + d + 32).getFloat32();
                        float q0 = query[d];
                        float q1 = query[d + 32];
                        part0 += q0 * k0;
                        part1 += q0 * k1;
                        part2 += q0 * k2;
                        part3 += q0 * k3;
                        part4 += q0 * k4;
                        part5 += q0 * k5;
                        part6 += q0 * k6;
                        part7 += q0 * k7;
                        part0 += q1 * next0;
                        part1 += q1 * next1;
                        part2 += q1 * next2;
                        part3 += q1 * next3;
                        part4 += q1 * next4;
                        part5 += q1 * next5;
                        part6 += q1 * next6;
                        part7 += q1 * next7;
                    }
                    for (; d < headDim; d += 32) {
                        float q0 = query[d];
                        part0 += q0 * kCache.get(at0 + d).getFloat32();
                        part1 += q0 * kCache.get(at1 + d).getFloat32();
                        part2 += q0 * kCache.get(at2 + d).getFloat32();
                        part3 += q0 * kCache.get(at3 + d).getFloat32();
                        part4 += q0 * kCache.get(at4 + d).getFloat32();
                        part5 += q0 * kCache.get(at5 + d).getFloat32();
                        part6 += q0 * kCache.get(at6 + d).getFloat32();
                        part7 += q0 * kCache.get(at7 + d).getFloat32();
                    }
                    part0 = context.simdSum(part0);
                    part1 = context.simdSum(part1);
                    part2 = context.simdSum(part2);
                    part3 = context.simdSum(part3);
                    part4 = context.simdSum(part4);
                    part5 = context.simdSum(part5);
                    part6 = context.simdSum(part6);
                    part7 = context.simdSum(part7);
                    if (lane == 0 && p < to) {
                        weights[p] = part0 * scale;
                    }
                    if (lane == 0 && p + 4 < to) {
                        weights[p + 4] = part1 * scale;
                    }
                    if (lane == 0 && p + 8 < to) {
                        weights[p + 8] = part2 * scale;
                    }
                    if (lane == 0 && p + 12 < to) {
                        weights[p + 12] = part3 * scale;
                    }
                    if (lane == 0 && p + 16 < to) {
                        weights[p + 16] = part4 * scale;
                    }
                    if (lane == 0 && p + 20 < to) {
                        weights[p + 20] = part5 * scale;
                    }
                    if (lane == 0 && p + 24 < to) {
                        weights[p + 24] = part6 * scale;
                    }
                    if (lane == 0 && p + 28 < to) {
                        weights[p + 28] = part7 * scale;
                    }
                }
                context.localBarrier();
                // The highest score of the tile.
                float most = -3.0e38f;
                for (int p = from + tid; p < to; p += 128) {
                    most = TornadoMath.max(most, weights[p]);
                }
                for (int distance = 16; distance > 0; distance = distance / 2) {
                    most = TornadoMath.max(most, context.simdShuffleDown(most, distance));
                }
                if (lane == 0) {
                    partial[warp] = most;
                }
                context.localBarrier();
                most = TornadoMath.max(
                        TornadoMath.max(partial[0], partial[1]), TornadoMath.max(partial[2], partial[3]));
                float now = TornadoMath.max(highest, most);
                float correction = TornadoMath.exp(highest - now);
                highest = now;
                // Exponentials and their sum.
                float sum = 0f;
                for (int p = from + tid; p < to; p += 128) {
                    float weight = TornadoMath.exp(weights[p] - now);
                    weights[p] = weight;
                    sum += weight;
                }
                sum = context.simdSum(sum);
                if (lane == 0) {
                    partial[4 + warp] = sum;
                }
                context.localBarrier();
                total = total * correction + (partial[4] + partial[5] + partial[6] + partial[7]);
                // Values: one thread per column.
                for (int d = tid; d < headDim; d += 128) {
                    float value = 0f;
                    for (int start = from / BLOCK * BLOCK; start < to; start += BLOCK) {
                        int block = rowInfo.get(table + (tile + start) / BLOCK);
                        int values = ((block * ownHeads + kvHead) * BLOCK - start) * headDim + d;
                        int end = TornadoMath.min(to, start + BLOCK);
                        int p = TornadoMath.max(from, start);
                        for (; p + 31 < end; p += 32) {
                            int at = values + p * headDim;
                            float v0 = vCache.get(at).getFloat32();
                            float v1 = vCache.get(at + headDim).getFloat32();
                            float v2 = vCache.get(at + 2 * headDim).getFloat32();
                            float v3 = vCache.get(at + 3 * headDim).getFloat32();
                            float v4 = vCache.get(at + 4 * headDim).getFloat32();
                            float v5 = vCache.get(at + 5 * headDim).getFloat32();
                            float v6 = vCache.get(at + 6 * headDim).getFloat32();
                            float v7 = vCache.get(at + 7 * headDim).getFloat32();
                            float v8 = vCache.get(at + 8 * headDim).getFloat32();
                            float v9 = vCache.get(at + 9 * headDim).getFloat32();
                            float v10 = vCache.get(at + 10 * headDim).getFloat32();
                            float v11 = vCache.get(at + 11 * headDim).getFloat32();
                            float v12 = vCache.get(at + 12 * headDim).getFloat32();
                            float v13 = vCache.get(at + 13 * headDim).getFloat32();
                            float v14 = vCache.get(at + 14 * headDim).getFloat32();
                            float v15 = vCache.get(at + 15 * headDim).getFloat32();
                            float v16 = vCache.get(at + 16 * headDim).getFloat32();
                            float v17 = vCache.get(at + 17 * headDim).getFloat32();
                            float v18 = vCache.get(at + 18 * headDim).getFloat32();
                            float v19 = vCache.get(at + 19 * headDim).getFloat32();
                            float v20 = vCache.get(at + 20 * headDim).getFloat32();
                            float v21 = vCache.get(at + 21 * headDim).getFloat32();
                            float v22 = vCache.get(at + 22 * headDim).getFloat32();
                            float v23 = vCache.get(at + 23 * headDim).getFloat32();
                            float v24 = vCache.get(at + 24 * headDim).getFloat32();
                            float v25 = vCache.get(at + 25 * headDim).getFloat32();
                            float v26 = vCache.get(at + 26 * headDim).getFloat32();
                            float v27 = vCache.get(at + 27 * headDim).getFloat32();
                            float v28 = vCache.get(at + 28 * headDim).getFloat32();
                            float v29 = vCache.get(at + 29 * headDim).getFloat32();
                            float v30 = vCache.get(at + 30 * headDim).getFloat32();
                            float v31 = vCache.get(at + 31 * headDim).getFloat32();
                            value += weights[p] * v0;
                            value += weights[p + 1] * v1;
                            value += weights[p + 2] * v2;
                            value += weights[p + 3] * v3;
                            value += weights[p + 4] * v4;
                            value += weights[p + 5] * v5;
                            value += weights[p + 6] * v6;
                            value += weights[p + 7] * v7;
                            value += weights[p + 8] * v8;
                            value += weights[p + 9] * v9;
                            value += weights[p + 10] * v10;
                            value += weights[p + 11] * v11;
                            value += weights[p + 12] * v12;
                            value += weights[p + 13] * v13;
                            value += weights[p + 14] * v14;
                            value += weights[p + 15] * v15;
                            value += weights[p + 16] * v16;
                            value += weights[p + 17] * v17;
                            value += weights[p + 18] * v18;
                            value += weights[p + 19] * v19;
                            value += weights[p + 20] * v20;
                            value += weights[p + 21] * v21;
                            value += weights[p + 22] * v22;
                            value += weights[p + 23] * v23;
                            value += weights[p + 24] * v24;
                            value += weights[p + 25] * v25;
                            value += weights[p + 26] * v26;
                            value += weights[p + 27] * v27;
                            value += weights[p + 28] * v28;
                            value += weights[p + 29] * v29;
                            value += weights[p + 30] * v30;
                            value += weights[p + 31] * v31;
                        }
                        for (; p < end; p++) {
                            value += weights[p] * vCache.get(values + p * headDim).getFloat32();
                        }
                    }
                    sums[d] = sums[d] * correction + value;
                }
                context.localBarrier();
            }
            int o = (row * heads + head) * headDim;
            for (int d = tid; d < headDim; d += 128) {
                out.set(o + d, sums[d] / total);
            }
        }
    }
}
