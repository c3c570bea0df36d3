package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable body of {@code Router}: one thread per score, then one thread per row. */
public final class RouterPortable {
    private RouterPortable() {}

    /** Dot product in blocks of 64, so that rounding grows with the square root of the blocks. */
    private static float dot(FloatArray a, int aBase, FloatArray b, int bBase, int n) {
        float sum = 0f;
        for (int block = 0; block < n; block += 64) {
            int end = TornadoMath.min(n, block + 64);
            float part = 0f;
            for (int i = block; i < end; i++) {
                part += a.get(aBase + i) * b.get(bBase + i);
            }
            sum += part;
        }
        return sum;
    }

    /** scores[row, e] = gate[e] · h[row]. */
    public static void score(
            IntArray step, FloatArray h, FloatArray gate, FloatArray scores, int hidden, int experts) {
        int first = step.get(0);
        int units = step.get(1) * experts;
        for (@Parallel int u = 0; u < units; u++) {
            int row = first + u / experts;
            int e = u % experts;
            scores.set(row * experts + e, dot(h, row * hidden, gate, e * hidden, hidden));
        }
    }

    /** Selection and weights from the scores. */
    public static void choose(
            IntArray step,
            FloatArray h,
            FloatArray extraGate,
            IntArray ids,
            FloatArray weights,
            IntArray choices,
            IntArray at,
            FloatArray scores,
            int hidden,
            int experts,
            int topK,
            int overAll,
            int extra) {
        int first = step.get(0);
        int count = step.get(1);
        int slots = extra == 0 ? topK : topK + 1;
        for (@Parallel int r = 0; r < count; r++) {
            int row = first + r;
            int base = row * experts;
            int slot = row * slots;
            float highest = 0f;
            for (int j = 0; j < topK; j++) {
                int best = -1;
                float bestScore = 0f;
                int seen = 0;
                for (int e = 0; e < experts; e++) {
                    // The ids found so far are ascending, so one cursor tells which experts to pass over.
                    int taken = 0;
                    if (seen < j) {
                        if (ids.get(slot + seen) == e) {
                            taken = 1;
                            seen = seen + 1;
                        }
                    }
                    float score = scores.get(base + e);
                    if (taken == 0) {
                        if (best < 0 || score > bestScore) {
                            best = e;
                            bestScore = score;
                        }
                    }
                }
                if (j == 0) {
                    highest = bestScore;
                }
                int place = 0;
                for (int i = 0; i < j; i++) {
                    if (ids.get(slot + i) < best) {
                        place = i + 1;
                    }
                }
                for (int i = j; i > place; i--) {
                    ids.set(slot + i, ids.get(slot + i - 1));
                }
                ids.set(slot + place, best);
            }
            float sum = 0f;
            for (int e = 0; e < experts; e++) {
                sum += TornadoMath.exp(scores.get(base + e) - highest);
            }
            if (overAll == 0) {
                // Nothing is left of the experts that were not chosen, except of a NaN.
                sum = sum * 0f;
                for (int j = 0; j < topK; j++) {
                    sum += TornadoMath.exp(scores.get(base + ids.get(slot + j)) - highest);
                }
            }
            for (int j = 0; j < topK; j++) {
                weights.set(slot + j, TornadoMath.exp(scores.get(base + ids.get(slot + j)) - highest) / sum);
            }
            if (extra > 0) {
                ids.set(slot + topK, experts);
                float weight = 1f;
                if (extra == 2) {
                    weight = 1f / (1f + TornadoMath.exp(-dot(h, row * hidden, extraGate, 0, hidden)));
                }
                weights.set(slot + topK, weight);
            }
            for (int j = 0; j < slots; j++) {
                choices.set(at.get(0) + slot + j, ids.get(slot + j));
            }
        }
    }
}
