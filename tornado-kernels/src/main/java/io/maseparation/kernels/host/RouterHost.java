package io.maseparation.kernels.host;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host body of {@code Router}. */
public final class RouterHost {
    /** Multiply-adds worth another thread. */
    private static final int GRAIN = 1 << 16;

    private RouterHost() {}

    /** See {@code Router}. */
    public static void route(
            IntArray step,
            FloatArray h,
            FloatArray gate,
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
        MemorySegment x = h.getSegment();
        MemorySegment w = gate.getSegment();
        MemorySegment extraW = extraGate.getSegment();
        // Expert by expert, so that a gate row is read once for all rows of the step.
        HostThreads.forRange(experts * count, Math.max(1, GRAIN / hidden), (from, to) -> {
            for (int u = from; u < to; u++) {
                int e = u / count;
                int row = first + u % count;
                scores.set(
                        row * experts + e,
                        HostVectors.dot(x, 4L * row * hidden, w, 4L * e * hidden, hidden));
            }
        });
        int slots = extra == 0 ? topK : topK + 1;
        int rowWork = experts * (topK + 1) * 4 + hidden;
        HostThreads.forRange(count, Math.max(1, GRAIN / rowWork), (from, to) -> {
            int[] chosen = new int[topK];
            float[] chosenScores = new float[topK];
            for (int r = from; r < to; r++) {
                int row = first + r;
                select(row, ids, weights, scores, experts, topK, overAll == 1, slots, chosen, chosenScores);
                if (extra > 0) {
                    int slot = row * slots + topK;
                    float weight = 1;
                    if (extra == 2) {
                        float score = HostVectors.dot(x, 4L * row * hidden, extraW, 0, hidden);
                        weight = 1f / (1f + (float) Math.exp(-score));
                    }
                    ids.set(slot, experts);
                    weights.set(slot, weight);
                }
                for (int slot = row * slots; slot < (row + 1) * slots; slot++) {
                    choices.set(at.get(0) + slot, ids.get(slot));
                }
            }
        });
    }

    private static void select(
            int row,
            IntArray ids,
            FloatArray weights,
            FloatArray scores,
            int experts,
            int topK,
            boolean overAll,
            int slots,
            int[] chosen,
            float[] chosenScores) {
        int base = row * experts;
        int found = 0;
        boolean broken = false;
        // The chosen so far, best first; an equal score comes after those of lower index.
        for (int e = 0; e < experts; e++) {
            float score = scores.get(base + e);
            broken |= Float.isNaN(score);
            if (found == topK && !(topK > 0 && score > chosenScores[topK - 1])) {
                continue;
            }
            int place = found < topK ? found++ : topK - 1;
            while (place > 0 && score > chosenScores[place - 1]) {
                chosen[place] = chosen[place - 1];
                chosenScores[place] = chosenScores[place - 1];
                place--;
            }
            chosen[place] = e;
            chosenScores[place] = score;
        }
        if (topK == 0) {
            return;
        }
        float highest = chosenScores[0];
        // Ascending index from here on.
        for (int j = 1; j < topK; j++) {
            int e = chosen[j];
            float score = chosenScores[j];
            int place = j;
            while (place > 0 && chosen[place - 1] > e) {
                chosen[place] = chosen[place - 1];
                chosenScores[place] = chosenScores[place - 1];
                place--;
            }
            chosen[place] = e;
            chosenScores[place] = score;
        }
        float sum = 0;
        if (overAll) {
            for (int e = 0; e < experts; e++) {
                sum += (float) Math.exp(scores.get(base + e) - highest);
            }
            for (int j = 0; j < topK; j++) {
                chosenScores[j] = (float) Math.exp(chosenScores[j] - highest);
            }
        } else {
            for (int j = 0; j < topK; j++) {
                chosenScores[j] = (float) Math.exp(chosenScores[j] - highest);
                sum += chosenScores[j];
            }
        }
        // A softmax over scores with a NaN is NaN for every expert, whichever are chosen.
        sum = broken ? Float.NaN : sum;
        for (int j = 0; j < topK; j++) {
            ids.set(row * slots + j, chosen[j]);
            weights.set(row * slots + j, chosenScores[j] / sum);
        }
    }
}
