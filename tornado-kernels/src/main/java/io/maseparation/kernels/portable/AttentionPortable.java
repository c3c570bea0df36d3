package io.maseparation.kernels.portable;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Portable bodies of {@code DecodeAttention} and {@code PrefillAttention}: one thread per row and head, with a running
 * softmax and the output as its accumulator.
 */
public final class AttentionPortable {
    private AttentionPortable() {}

    /** Cache of fp32. */
    public static void f32(
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
            int window,
            int phase) {
        int first = step.get(0);
        int ownQueries = ownHeads * (heads / kvHeads);
        int units = step.get(2) * ownQueries;
        if (phase == 0) {
            first = first + step.get(2);
            units = (step.get(1) - step.get(2)) * ownQueries;
        }
        for (@Parallel int u = 0; u < units; u++) {
            int row = first + u / ownQueries;
            int head = firstHead * (heads / kvHeads) + u % ownQueries;
            int kvHead = u % ownQueries / (heads / kvHeads);
            int position = rowInfo.get(3 * row);
            int lowest = 0;
            if (window > 0) {
                lowest = TornadoMath.max(0, position + 1 - window);
            }
            int table = rowInfo.get(3 * row + 1);
            int q = (row * (heads + 2 * kvHeads) + head) * headDim;
            int o = (row * heads + head) * headDim;
            float highest = -3.0e38f;
            float total = 0f;
            for (int d = 0; d < headDim; d++) {
                out.set(o + d, 0f);
            }
            // No branch on a new highest score: TornadoVM 5.2 mixes up the values where three branches of loops meet.
            for (int p = lowest; p <= position; p++) {
                int at = ((rowInfo.get(table + p / BLOCK) * ownHeads + kvHead) * BLOCK + p % BLOCK) * headDim;
                float score = 0f;
                for (int d = 0; d < headDim; d++) {
                    score += qkv.get(q + d) * kCache.get(at + d);
                }
                score = score * scale;
                float now = TornadoMath.max(highest, score);
                float correction = TornadoMath.exp(highest - now);
                float weight = TornadoMath.exp(score - now);
                highest = now;
                total = total * correction + weight;
                for (int d = 0; d < headDim; d++) {
                    out.set(o + d, out.get(o + d) * correction + weight * vCache.get(at + d));
                }
            }
            for (int d = 0; d < headDim; d++) {
                out.set(o + d, out.get(o + d) / total);
            }
        }
    }

    /** Cache of fp16. */
    public static void f16(
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
            int window,
            int phase) {
        int first = step.get(0);
        int ownQueries = ownHeads * (heads / kvHeads);
        int units = step.get(2) * ownQueries;
        if (phase == 0) {
            first = first + step.get(2);
            units = (step.get(1) - step.get(2)) * ownQueries;
        }
        for (@Parallel int u = 0; u < units; u++) {
            int row = first + u / ownQueries;
            int head = firstHead * (heads / kvHeads) + u % ownQueries;
            int kvHead = u % ownQueries / (heads / kvHeads);
            int position = rowInfo.get(3 * row);
            int lowest = 0;
            if (window > 0) {
                lowest = TornadoMath.max(0, position + 1 - window);
            }
            int table = rowInfo.get(3 * row + 1);
            int q = (row * (heads + 2 * kvHeads) + head) * headDim;
            int o = (row * heads + head) * headDim;
            float highest = -3.0e38f;
            float total = 0f;
            for (int d = 0; d < headDim; d++) {
                out.set(o + d, 0f);
            }
            // No branch on a new highest score: TornadoVM 5.2 mixes up the values where three branches of loops meet.
            for (int p = lowest; p <= position; p++) {
                int at = ((rowInfo.get(table + p / BLOCK) * ownHeads + kvHead) * BLOCK + p % BLOCK) * headDim;
                float score = 0f;
                for (int d = 0; d < headDim; d++) {
                    score += qkv.get(q + d) * kCache.get(at + d).getFloat32();
                }
                score = score * scale;
                float now = TornadoMath.max(highest, score);
                float correction = TornadoMath.exp(highest - now);
                float weight = TornadoMath.exp(score - now);
                highest = now;
                total = total * correction + weight;
                for (int d = 0; d < headDim; d++) {
                    out.set(o + d, out.get(o + d) * correction + weight * vCache.get(at + d).getFloat32());
                }
            }
            for (int d = 0; d < headDim; d++) {
                out.set(o + d, out.get(o + d) / total);
            }
        }
    }
}
