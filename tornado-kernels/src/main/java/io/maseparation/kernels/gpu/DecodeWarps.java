package io.maseparation.kernels.gpu;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.vectors.Half2;

/**
 * Gpu bodies of {@code DecodeAttention} for heads that a warp has in its registers: one work-group of {@link
 * DecodeGpu#GROUP} per row and head, with a running softmax in each of its warps. Both end with the same lines: an
 * inlined method that is given a local array takes it for one on the heap.
 */
public final class DecodeWarps {
    private DecodeWarps() {}

    /** Whether {@link #f32Columns} takes heads of this many columns. */
    public static boolean inColumns(int headDim) {
        return headDim > 64 && headDim <= 128;
    }

    /**
     * Cache of fp32, for heads that {@link #inColumns} says. A lane has four columns. Each warp takes four neighbouring
     * positions of every 16, keeps the running softmax of its own in registers and reads their values together with
     * their keys, 32 loads a lane, so that nobody waits for the other warps before the end, where the four are merged
     * in order.
     */
    public static void f32Columns(
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
        int lane = tid & 31;
        int warp = tid >> 5;
        float[] sums = context.allocateFloatLocalArray(512);
        float[] softmax = context.allocateFloatLocalArray(8);
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
            // Lanes beyond the last column read it again, and multiply it by 0.
            int third = TornadoMath.min(lane + 64, headDim - 1);
            int fourth = TornadoMath.min(lane + 96, headDim - 1);
            float q0 = qkv.get(q + lane) * scale;
            float q1 = qkv.get(q + lane + 32) * scale;
            float q2 = qkv.get(q + third) * scale;
            float q3 = qkv.get(q + fourth) * scale;
            if (lane + 64 >= headDim) {
                q2 = 0f;
            }
            if (lane + 96 >= headDim) {
                q3 = 0f;
            }
            float most = -3.0e38f;
            float total = 0f;
            float sum0 = 0f;
            float sum1 = 0f;
            float sum2 = 0f;
            float sum3 = 0f;
            int start = lowest / 16 * 16 + 4 * warp;
            if (start + 3 < lowest) {
                start = start + 16;
            }
            // Keys are asked for a turn ahead of their use, together with the values of this turn, and blocks two turns
            // ahead: then a turn waits once, for loads that were all under way at the same time.
            int seen = TornadoMath.min(start, position);
            int cache = (rowInfo.get(table + seen / BLOCK) * ownHeads + kvHead) * BLOCK - seen / BLOCK * BLOCK;
            int next = rowInfo.get(table + TornadoMath.min(start + 16, position) / BLOCK);
            // Outside what the row sees the nearest position that it does, with a weight of 0.
            int at0 = (cache + TornadoMath.min(TornadoMath.max(start, lowest), position)) * headDim;
            int at1 = (cache + TornadoMath.min(TornadoMath.max(start + 1, lowest), position)) * headDim;
            int at2 = (cache + TornadoMath.min(TornadoMath.max(start + 2, lowest), position)) * headDim;
            int at3 = (cache + TornadoMath.min(TornadoMath.max(start + 3, lowest), position)) * headDim;
            // Of positions 0 to 3, columns a to d.
            float k0a = kCache.get(at0 + lane);
            float k0b = kCache.get(at0 + lane + 32);
            float k0c = kCache.get(at0 + third);
            float k0d = kCache.get(at0 + fourth);
            float k1a = kCache.get(at1 + lane);
            float k1b = kCache.get(at1 + lane + 32);
            float k1c = kCache.get(at1 + third);
            float k1d = kCache.get(at1 + fourth);
            float k2a = kCache.get(at2 + lane);
            float k2b = kCache.get(at2 + lane + 32);
            float k2c = kCache.get(at2 + third);
            float k2d = kCache.get(at2 + fourth);
            float k3a = kCache.get(at3 + lane);
            float k3b = kCache.get(at3 + lane + 32);
            float k3c = kCache.get(at3 + third);
            float k3d = kCache.get(at3 + fourth);
            for (int p = start; p <= position; p += 16) {
                float part0 = (q0 * k0a + q1 * k0b) + (q2 * k0c + q3 * k0d);
                float part1 = (q0 * k1a + q1 * k1b) + (q2 * k1c + q3 * k1d);
                float part2 = (q0 * k2a + q1 * k2b) + (q2 * k2c + q3 * k2d);
                float part3 = (q0 * k3a + q1 * k3b) + (q2 * k3c + q3 * k3d);
                float v0a = vCache.get(at0 + lane);
                float v0b = vCache.get(at0 + lane + 32);
                float v0c = vCache.get(at0 + third);
                float v0d = vCache.get(at0 + fourth);
                float v1a = vCache.get(at1 + lane);
                float v1b = vCache.get(at1 + lane + 32);
                float v1c = vCache.get(at1 + third);
                float v1d = vCache.get(at1 + fourth);
                float v2a = vCache.get(at2 + lane);
                float v2b = vCache.get(at2 + lane + 32);
                float v2c = vCache.get(at2 + third);
                float v2d = vCache.get(at2 + fourth);
                float v3a = vCache.get(at3 + lane);
                float v3b = vCache.get(at3 + lane + 32);
                float v3c = vCache.get(at3 + third);
                float v3d = vCache.get(at3 + fourth);
                seen = TornadoMath.min(p + 16, position);
                cache = (next * ownHeads + kvHead) * BLOCK - seen / BLOCK * BLOCK;
                next = rowInfo.get(table + TornadoMath.min(p + 32, position) / BLOCK);
                at0 = (cache + TornadoMath.min(p + 16, position)) * headDim;
                at1 = (cache + TornadoMath.min(p + 17, position)) * headDim;
                at2 = (cache + TornadoMath.min(p + 18, position)) * headDim;
                at3 = (cache + TornadoMath.min(p + 19, position)) * headDim;
                k0a = kCache.get(at0 + lane);
                k0b = kCache.get(at0 + lane + 32);
                k0c = kCache.get(at0 + third);
                k0d = kCache.get(at0 + fourth);
                k1a = kCache.get(at1 + lane);
                k1b = kCache.get(at1 + lane + 32);
                k1c = kCache.get(at1 + third);
                k1d = kCache.get(at1 + fourth);
                k2a = kCache.get(at2 + lane);
                k2b = kCache.get(at2 + lane + 32);
                k2c = kCache.get(at2 + third);
                k2d = kCache.get(at2 + fourth);
                k3a = kCache.get(at3 + lane);
                k3b = kCache.get(at3 + lane + 32);
                k3c = kCache.get(at3 + third);
                k3d = kCache.get(at3 + fourth);
                float score0 = context.simdSum(part0);
                float score1 = context.simdSum(part1);
                float score2 = context.simdSum(part2);
                float score3 = context.simdSum(part3);
                if (p < lowest) {
                    score0 = -3.0e38f;
                }
                if (p + 1 > position || p + 1 < lowest) {
                    score1 = -3.0e38f;
                }
                if (p + 2 > position || p + 2 < lowest) {
                    score2 = -3.0e38f;
                }
                if (p + 3 > position || p + 3 < lowest) {
                    score3 = -3.0e38f;
                }
                float now = TornadoMath.max(TornadoMath.max(score0, score1), TornadoMath.max(score2, score3));
                now = TornadoMath.max(most, now);
                float correction = TornadoMath.exp(most - now);
                most = now;
                float weight0 = TornadoMath.exp(score0 - now);
                float weight1 = TornadoMath.exp(score1 - now);
                float weight2 = TornadoMath.exp(score2 - now);
                float weight3 = TornadoMath.exp(score3 - now);
                total = total * correction + ((weight0 + weight1) + (weight2 + weight3));
                sum0 *= correction;
                sum1 *= correction;
                sum2 *= correction;
                sum3 *= correction;
                sum0 += weight0 * v0a;
                sum1 += weight0 * v0b;
                sum2 += weight0 * v0c;
                sum3 += weight0 * v0d;
                sum0 += weight1 * v1a;
                sum1 += weight1 * v1b;
                sum2 += weight1 * v1c;
                sum3 += weight1 * v1d;
                sum0 += weight2 * v2a;
                sum1 += weight2 * v2b;
                sum2 += weight2 * v2c;
                sum3 += weight2 * v2d;
                sum0 += weight3 * v3a;
                sum1 += weight3 * v3b;
                sum2 += weight3 * v3c;
                sum3 += weight3 * v3d;
            }
            int to = warp * 128 + lane;
            sums[to] = sum0;
            sums[to + 32] = sum1;
            sums[to + 64] = sum2;
            sums[to + 96] = sum3;
            if (lane == 0) {
                softmax[warp] = most;
                softmax[4 + warp] = total;
            }
            context.localBarrier();
            float highest = TornadoMath.max(
                    TornadoMath.max(softmax[0], softmax[1]), TornadoMath.max(softmax[2], softmax[3]));
            float factor0 = TornadoMath.exp(softmax[0] - highest);
            float factor1 = TornadoMath.exp(softmax[1] - highest);
            float factor2 = TornadoMath.exp(softmax[2] - highest);
            float factor3 = TornadoMath.exp(softmax[3] - highest);
            float all = softmax[4] * factor0 + softmax[5] * factor1 + softmax[6] * factor2 + softmax[7] * factor3;
            if (tid < headDim) {
                float value = sums[tid] * factor0 + sums[tid + 128] * factor1 + sums[tid + 256] * factor2
                        + sums[tid + 384] * factor3;
                out.set((row * heads + head) * headDim + tid, value / all);
            }
        }
    }

    /** Whether {@link #f16Pairs} takes heads of this many columns; it needs TornadoVM's CUDA backend, too. */
    public static boolean inPairs(int headDim) {
        return headDim % 2 == 0 && inColumns(headDim);
    }

    /**
     * Cache of fp16, read two halves at a time, for heads that {@link #inPairs} says: TornadoVM has such a load in its
     * CUDA backend only. A lane has two pairs of columns. Each warp takes eight neighbouring positions of every 32,
     * keeps the running softmax of its own in registers and reads their values together with their keys, so that nobody
     * waits for the other warps before the end, where the four are merged in order.
     */
    public static void f16Pairs(
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
        int lane = tid & 31;
        int warp = tid >> 5;
        float[] sums = context.allocateFloatLocalArray(512);
        float[] softmax = context.allocateFloatLocalArray(8);
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
            int low = 2 * lane;
            // Lanes beyond the last column read the last pair again, and multiply it by 0.
            int high = TornadoMath.min(low + 64, headDim - 2);
            float inside = 1f;
            if (low + 64 >= headDim) {
                inside = 0f;
            }
            float q0 = qkv.get(q + low) * scale;
            float q1 = qkv.get(q + low + 1) * scale;
            float q2 = qkv.get(q + high) * scale * inside;
            float q3 = qkv.get(q + high + 1) * scale * inside;
            float most = -3.0e38f;
            float total = 0f;
            float sum0 = 0f;
            float sum1 = 0f;
            float sum2 = 0f;
            float sum3 = 0f;
            int start = lowest / 32 * 32 + 8 * warp;
            if (start + 7 < lowest) {
                start = start + 32;
            }
            // Keys are asked for a turn ahead of their use, together with the values of this turn, and blocks two turns
            // ahead: then a turn waits once, for loads that were all under way at the same time.
            int seen = TornadoMath.min(start, position);
            int cache = (rowInfo.get(table + seen / BLOCK) * ownHeads + kvHead) * BLOCK - seen / BLOCK * BLOCK;
            int next = rowInfo.get(table + TornadoMath.min(start + 32, position) / BLOCK);
            // Outside what the row sees the nearest position that it does, with a weight of 0.
            int at0 = (cache + TornadoMath.min(TornadoMath.max(start, lowest), position)) * headDim;
            int at1 = (cache + TornadoMath.min(TornadoMath.max(start + 1, lowest), position)) * headDim;
            int at2 = (cache + TornadoMath.min(TornadoMath.max(start + 2, lowest), position)) * headDim;
            int at3 = (cache + TornadoMath.min(TornadoMath.max(start + 3, lowest), position)) * headDim;
            int at4 = (cache + TornadoMath.min(TornadoMath.max(start + 4, lowest), position)) * headDim;
            int at5 = (cache + TornadoMath.min(TornadoMath.max(start + 5, lowest), position)) * headDim;
            int at6 = (cache + TornadoMath.min(TornadoMath.max(start + 6, lowest), position)) * headDim;
            int at7 = (cache + TornadoMath.min(TornadoMath.max(start + 7, lowest), position)) * headDim;
            Half2 kLow0 = kCache.getHalf2(at0 + low);
            Half2 kHigh0 = kCache.getHalf2(at0 + high);
            Half2 kLow1 = kCache.getHalf2(at1 + low);
            Half2 kHigh1 = kCache.getHalf2(at1 + high);
            Half2 kLow2 = kCache.getHalf2(at2 + low);
            Half2 kHigh2 = kCache.getHalf2(at2 + high);
            Half2 kLow3 = kCache.getHalf2(at3 + low);
            Half2 kHigh3 = kCache.getHalf2(at3 + high);
            Half2 kLow4 = kCache.getHalf2(at4 + low);
            Half2 kHigh4 = kCache.getHalf2(at4 + high);
            Half2 kLow5 = kCache.getHalf2(at5 + low);
            Half2 kHigh5 = kCache.getHalf2(at5 + high);
            Half2 kLow6 = kCache.getHalf2(at6 + low);
            Half2 kHigh6 = kCache.getHalf2(at6 + high);
            Half2 kLow7 = kCache.getHalf2(at7 + low);
            Half2 kHigh7 = kCache.getHalf2(at7 + high);
            for (int p = start; p <= position; p += 32) {
                float part0 = (q0 * Half2.lowFloat(kLow0) + q1 * Half2.highFloat(kLow0))
                        + (q2 * Half2.lowFloat(kHigh0) + q3 * Half2.highFloat(kHigh0));
                float part1 = (q0 * Half2.lowFloat(kLow1) + q1 * Half2.highFloat(kLow1))
                        + (q2 * Half2.lowFloat(kHigh1) + q3 * Half2.highFloat(kHigh1));
                float part2 = (q0 * Half2.lowFloat(kLow2) + q1 * Half2.highFloat(kLow2))
                        + (q2 * Half2.lowFloat(kHigh2) + q3 * Half2.highFloat(kHigh2));
                float part3 = (q0 * Half2.lowFloat(kLow3) + q1 * Half2.highFloat(kLow3))
                        + (q2 * Half2.lowFloat(kHigh3) + q3 * Half2.highFloat(kHigh3));
                float part4 = (q0 * Half2.lowFloat(kLow4) + q1 * Half2.highFloat(kLow4))
                        + (q2 * Half2.lowFloat(kHigh4) + q3 * Half2.highFloat(kHigh4));
                float part5 = (q0 * Half2.lowFloat(kLow5) + q1 * Half2.highFloat(kLow5))
                        + (q2 * Half2.lowFloat(kHigh5) + q3 * Half2.highFloat(kHigh5));
                float part6 = (q0 * Half2.lowFloat(kLow6) + q1 * Half2.highFloat(kLow6))
                        + (q2 * Half2.lowFloat(kHigh6) + q3 * Half2.highFloat(kHigh6));
                float part7 = (q0 * Half2.lowFloat(kLow7) + q1 * Half2.highFloat(kLow7))
                        + (q2 * Half2.lowFloat(kHigh7) + q3 * Half2.highFloat(kHigh7));
                Half2 vLow0 = vCache.getHalf2(at0 + low);
                Half2 vHigh0 = vCache.getHalf2(at0 + high);
                Half2 vLow1 = vCache.getHalf2(at1 + low);
                Half2 vHigh1 = vCache.getHalf2(at1 + high);
                Half2 vLow2 = vCache.getHalf2(at2 + low);
                Half2 vHigh2 = vCache.getHalf2(at2 + high);
                Half2 vLow3 = vCache.getHalf2(at3 + low);
                Half2 vHigh3 = vCache.getHalf2(at3 + high);
                Half2 vLow4 = vCache.getHalf2(at4 + low);
                Half2 vHigh4 = vCache.getHalf2(at4 + high);
                Half2 vLow5 = vCache.getHalf2(at5 + low);
                Half2 vHigh5 = vCache.getHalf2(at5 + high);
                Half2 vLow6 = vCache.getHalf2(at6 + low);
                Half2 vHigh6 = vCache.getHalf2(at6 + high);
                Half2 vLow7 = vCache.getHalf2(at7 + low);
                Half2 vHigh7 = vCache.getHalf2(at7 + high);
                seen = TornadoMath.min(p + 32, position);
                cache = (next * ownHeads + kvHead) * BLOCK - seen / BLOCK * BLOCK;
                next = rowInfo.get(table + TornadoMath.min(p + 64, position) / BLOCK);
                at0 = (cache + TornadoMath.min(p + 32, position)) * headDim;
                at1 = (cache + TornadoMath.min(p + 33, position)) * headDim;
                at2 = (cache + TornadoMath.min(p + 34, position)) * headDim;
                at3 = (cache + TornadoMath.min(p + 35, position)) * headDim;
                at4 = (cache + TornadoMath.min(p + 36, position)) * headDim;
                at5 = (cache + TornadoMath.min(p + 37, position)) * headDim;
                at6 = (cache + TornadoMath.min(p + 38, position)) * headDim;
                at7 = (cache + TornadoMath.min(p + 39, position)) * headDim;
                kLow0 = kCache.getHalf2(at0 + low);
                kHigh0 = kCache.getHalf2(at0 + high);
                kLow1 = kCache.getHalf2(at1 + low);
                kHigh1 = kCache.getHalf2(at1 + high);
                kLow2 = kCache.getHalf2(at2 + low);
                kHigh2 = kCache.getHalf2(at2 + high);
                kLow3 = kCache.getHalf2(at3 + low);
                kHigh3 = kCache.getHalf2(at3 + high);
                kLow4 = kCache.getHalf2(at4 + low);
                kHigh4 = kCache.getHalf2(at4 + high);
                kLow5 = kCache.getHalf2(at5 + low);
                kHigh5 = kCache.getHalf2(at5 + high);
                kLow6 = kCache.getHalf2(at6 + low);
                kHigh6 = kCache.getHalf2(at6 + high);
                kLow7 = kCache.getHalf2(at7 + low);
                kHigh7 = kCache.getHalf2(at7 + high);
                float score0 = context.simdSum(part0);
                float score1 = context.simdSum(part1);
                float score2 = context.simdSum(part2);
                float score3 = context.simdSum(part3);
                float score4 = context.simdSum(part4);
                float score5 = context.simdSum(part5);
                float score6 = context.simdSum(part6);
                float score7 = context.simdSum(part7);
                if (p < lowest) {
                    score0 = -3.0e38f;
                }
                if (p + 1 > position || p + 1 < lowest) {
                    score1 = -3.0e38f;
                }
                if (p + 2 > position || p + 2 < lowest) {
                    score2 = -3.0e38f;
                }
                if (p + 3 > position || p + 3 < lowest) {
                    score3 = -3.0e38f;
                }
                if (p + 4 > position || p + 4 < lowest) {
                    score4 = -3.0e38f;
                }
                if (p + 5 > position || p + 5 < lowest) {
                    score5 = -3.0e38f;
                }
                if (p + 6 > position || p + 6 < lowest) {
                    score6 = -3.0e38f;
                }
                if (p + 7 > position || p + 7 < lowest) {
                    score7 = -3.0e38f;
                }
                float now = TornadoMath.max(
                        TornadoMath.max(
                                TornadoMath.max(score0, score1), TornadoMath.max(score2, score3)),
                        TornadoMath.max(
                                TornadoMath.max(score4, score5), TornadoMath.max(score6, score7)));
                now = TornadoMath.max(most, now);
                float correction = TornadoMath.exp(most - now);
                most = now;
                float weight0 = TornadoMath.exp(score0 - now);
                float weight1 = TornadoMath.exp(score1 - now);
                float weight2 = TornadoMath.exp(score2 - now);
                float weight3 = TornadoMath.exp(score3 - now);
                float weight4 = TornadoMath.exp(score4 - now);
                float weight5 = TornadoMath.exp(score5 - now);
                float weight6 = TornadoMath.exp(score6 - now);
                float weight7 = TornadoMath.exp(score7 - now);
                total = total * correction
                        + (((weight0 + weight1) + (weight2 + weight3)) + ((weight4 + weight5) + (weight6 + weight7)));
                sum0 *= correction;
                sum1 *= correction;
                sum2 *= correction;
                sum3 *= correction;
                sum0 += weight0 * Half2.lowFloat(vLow0);
                sum1 += weight0 * Half2.highFloat(vLow0);
                sum2 += weight0 * Half2.lowFloat(vHigh0);
                sum3 += weight0 * Half2.highFloat(vHigh0);
                sum0 += weight1 * Half2.lowFloat(vLow1);
                sum1 += weight1 * Half2.highFloat(vLow1);
                sum2 += weight1 * Half2.lowFloat(vHigh1);
                sum3 += weight1 * Half2.highFloat(vHigh1);
                sum0 += weight2 * Half2.lowFloat(vLow2);
                sum1 += weight2 * Half2.highFloat(vLow2);
                sum2 += weight2 * Half2.lowFloat(vHigh2);
                sum3 += weight2 * Half2.highFloat(vHigh2);
                sum0 += weight3 * Half2.lowFloat(vLow3);
                sum1 += weight3 * Half2.highFloat(vLow3);
                sum2 += weight3 * Half2.lowFloat(vHigh3);
                sum3 += weight3 * Half2.highFloat(vHigh3);
                sum0 += weight4 * Half2.lowFloat(vLow4);
                sum1 += weight4 * Half2.highFloat(vLow4);
                sum2 += weight4 * Half2.lowFloat(vHigh4);
                sum3 += weight4 * Half2.highFloat(vHigh4);
                sum0 += weight5 * Half2.lowFloat(vLow5);
                sum1 += weight5 * Half2.highFloat(vLow5);
                sum2 += weight5 * Half2.lowFloat(vHigh5);
                sum3 += weight5 * Half2.highFloat(vHigh5);
                sum0 += weight6 * Half2.lowFloat(vLow6);
                sum1 += weight6 * Half2.highFloat(vLow6);
                sum2 += weight6 * Half2.lowFloat(vHigh6);
                sum3 += weight6 * Half2.highFloat(vHigh6);
                sum0 += weight7 * Half2.lowFloat(vLow7);
                sum1 += weight7 * Half2.highFloat(vLow7);
                sum2 += weight7 * Half2.lowFloat(vHigh7);
                sum3 += weight7 * Half2.highFloat(vHigh7);
            }
            int to = warp * 128 + low;
            sums[to] = sum0;
            sums[to + 1] = sum1;
            sums[to + 64] = sum2;
            sums[to + 65] = sum3;
            if (lane == 0) {
                softmax[warp] = most;
                softmax[4 + warp] = total;
            }
            context.localBarrier();
            float highest = TornadoMath.max(
                    TornadoMath.max(softmax[0], softmax[1]), TornadoMath.max(softmax[2], softmax[3]));
            float factor0 = TornadoMath.exp(softmax[0] - highest);
            float factor1 = TornadoMath.exp(softmax[1] - highest);
            float factor2 = TornadoMath.exp(softmax[2] - highest);
            float factor3 = TornadoMath.exp(softmax[3] - highest);
            float all = softmax[4] * factor0 + softmax[5] * factor1 + softmax[6] * factor2 + softmax[7] * factor3;
            if (tid < headDim) {
                float value = sums[tid] * factor0 + sums[tid + 128] * factor1 + sums[tid + 256] * factor2
                        + sums[tid + 384] * factor3;
                out.set((row * heads + head) * headDim + tid, value / all);
            }
        }
    }
}
