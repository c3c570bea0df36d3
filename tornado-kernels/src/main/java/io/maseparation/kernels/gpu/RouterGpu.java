package io.maseparation.kernels.gpu;

import io.maseparation.kernels.portable.DeviceDots;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code Router}: one work-group per row. */
public final class RouterGpu {
    /** Threads of a work-group. */
    public static final int GROUP = 512;

    private RouterGpu() {}

    /** See {@code Router}: one warp per score, then the first warp picks, round by round. */
    public static void route(
            KernelContext context,
            IntArray step,
            FloatArray h,
            FloatArray gate,
            FloatArray extraGate,
            IntArray ids,
            FloatArray weights,
            IntArray choices,
            IntArray at,
            int hidden,
            int experts,
            int topK,
            int overAll,
            int extra) {
        int tid = context.localIdx;
        int lane = tid % 32;
        int warp = tid / 32;
        float[] score = context.allocateFloatLocalArray(experts + 1);
        int[] taken = context.allocateIntLocalArray(experts + 1);
        if (context.groupIdx < step.get(1)) {
            int row = step.get(0) + context.groupIdx;
            int base = row * hidden;
            for (int e = warp; e < experts; e += GROUP / 32) {
                float part = context.simdSum(DeviceDots.lane(gate, e * hidden, h, base, lane, hidden));
                if (lane == 0) {
                    score[e] = part;
                    taken[e] = 0;
                }
            }
            if (extra == 2) {
                if (warp == 0) {
                    float part = context.simdSum(DeviceDots.lane(extraGate, 0, h, base, lane, hidden));
                    if (lane == 0) {
                        score[experts] = part;
                    }
                }
            }
            context.localBarrier();
            int slots = topK;
            if (extra > 0) {
                slots = topK + 1;
            }
            int slot = row * slots;
            int choice = at.get(0) + slot;
            if (warp == 0) {
                float highest = 0f;
                for (int j = 0; j < topK; j++) {
                    // Indices travel as floats, exact to 2^24; no candidate is the index -1.
                    float best = -1f;
                    float bestScore = 0f;
                    for (int e = lane; e < experts; e += 32) {
                        if (taken[e] == 0) {
                            if (best < 0f || score[e] > bestScore) {
                                best = e;
                                bestScore = score[e];
                            }
                        }
                    }
                    for (int distance = 16; distance > 0; distance = distance / 2) {
                        float otherScore = context.simdShuffleDown(bestScore, distance);
                        float other = context.simdShuffleDown(best, distance);
                        if (other >= 0f) {
                            if (best < 0f || otherScore > bestScore || (otherScore == bestScore && other < best)) {
                                best = other;
                                bestScore = otherScore;
                            }
                        }
                    }
                    best = context.simdBroadcastFirst(best);
                    bestScore = context.simdBroadcastFirst(bestScore);
                    if (j == 0) {
                        highest = bestScore;
                    }
                    // The lane that will look at this expert in the next round is the one that marks it.
                    int winner = (int) best;
                    if (winner % 32 == lane) {
                        taken[winner] = 1;
                    }
                }
                float part = 0f;
                for (int e = lane; e < experts; e += 32) {
                    // Nothing is added for an expert that was not chosen, unless its score is NaN.
                    float counted = 0f;
                    if (overAll == 1 || taken[e] == 1) {
                        counted = 1f;
                    }
                    part += counted * TornadoMath.exp(score[e] - highest);
                }
                float sum = context.simdSum(part);
                for (int e = lane; e < experts; e += 32) {
                    score[e] = TornadoMath.exp(score[e] - highest) / sum;
                }
            }
            // Each lane marked its own experts only; the barrier shows the marks to the first thread.
            context.localBarrier();
            if (tid == 0) {
                int j = 0;
                for (int e = 0; e < experts; e++) {
                    if (taken[e] == 1) {
                        ids.set(slot + j, e);
                        choices.set(choice + j, e);
                        weights.set(slot + j, score[e]);
                        j = j + 1;
                    }
                }
                if (extra > 0) {
                    float weight = 1f;
                    if (extra == 2) {
                        weight = 1f / (1f + TornadoMath.exp(-score[experts]));
                    }
                    ids.set(slot + topK, experts);
                    choices.set(choice + topK, experts);
                    weights.set(slot + topK, weight);
                }
            }
        }
    }
}
