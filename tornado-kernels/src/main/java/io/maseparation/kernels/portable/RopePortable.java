package io.maseparation.kernels.portable;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of {@code RopeAppend}: one thread per pair of elements. */
public final class RopePortable {
    private RopePortable() {}

    /** Cache of fp32. */
    public static void f32(
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            FloatArray kCache,
            FloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int first = step.get(0);
        int half = headDim / 2;
        int units = ownHeads * (heads / kvHeads) + 2 * ownHeads;
        int all = step.get(1) * units * half;
        for (@Parallel int p = 0; p < all; p++) {
            pairF32(p, first, qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim,
                    pairs);
        }
    }

    /** Cache of fp16. */
    public static void f16(
            IntArray step,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int first = step.get(0);
        int half = headDim / 2;
        int units = ownHeads * (heads / kvHeads) + 2 * ownHeads;
        int all = step.get(1) * units * half;
        for (@Parallel int p = 0; p < all; p++) {
            pairF16(p, first, qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, firstHead, ownHeads, headDim,
                    pairs);
        }
    }

    /** Pair {@code p} of elements of a step's rows, counted through units and rows. */
    public static void pairF32(
            int p,
            int first,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            FloatArray kCache,
            FloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int half = headDim / 2;
        int ownQueries = ownHeads * (heads / kvHeads);
        int units = ownQueries + 2 * ownHeads;
        int i = p % half;
        int own = p / half % units;
        int row = first + p / half / units;
        // Queries, keys and values of the heads of this cache among those of the row.
        int unit = firstHead * (heads / kvHeads) + own;
        if (own >= ownQueries) {
            unit = heads + firstHead + own - ownQueries;
        }
        if (own >= ownQueries + ownHeads) {
            unit = heads + kvHeads + firstHead + own - ownQueries - ownHeads;
        }
        int position = rowInfo.get(3 * row);
        // What is not rotated passes through, two neighbours at a time.
        int lowAt = 2 * i;
        int highAt = lowAt + 1;
        float c = 1f;
        float s = 0f;
        if (i < pairs) {
            int angle = (rowInfo.get(3 * row + 2) * pairs + i) * 2;
            lowAt = i;
            highAt = i + pairs;
            c = cosSin.get(angle);
            s = cosSin.get(angle + 1);
        }
        int at = (row * (heads + 2 * kvHeads) + unit) * headDim;
        float low = qkv.get(at + lowAt);
        float high = qkv.get(at + highAt);
        if (own < ownQueries) {
            qkv.set(at + lowAt, low * c - high * s);
            qkv.set(at + highAt, high * c + low * s);
        } else {
            int kvHead = (own - ownQueries) % ownHeads;
            int block = rowInfo.get(rowInfo.get(3 * row + 1) + position / BLOCK);
            int start = (block * ownHeads + kvHead) * BLOCK + position % BLOCK;
            int to = start * headDim;
            if (own < ownQueries + ownHeads) {
                kCache.set(to + lowAt, low * c - high * s);
                kCache.set(to + highAt, high * c + low * s);
            } else {
                vCache.set(to + lowAt, low);
                vCache.set(to + highAt, high);
            }
        }
    }

    /** Pair {@code p} of elements of a step's rows, counted through units and rows. */
    public static void pairF16(
            int p,
            int first,
            FloatArray qkv,
            IntArray rowInfo,
            FloatArray cosSin,
            HalfFloatArray kCache,
            HalfFloatArray vCache,
            int heads,
            int kvHeads,
            int firstHead,
            int ownHeads,
            int headDim,
            int pairs) {
        int half = headDim / 2;
        int ownQueries = ownHeads * (heads / kvHeads);
        int units = ownQueries + 2 * ownHeads;
        int i = p % half;
        int own = p / half % units;
        int row = first + p / half / units;
        // Queries, keys and values of the heads of this cache among those of the row.
        int unit = firstHead * (heads / kvHeads) + own;
        if (own >= ownQueries) {
            unit = heads + firstHead + own - ownQueries;
        }
        if (own >= ownQueries + ownHeads) {
            unit = heads + kvHeads + firstHead + own - ownQueries - ownHeads;
        }
        int position = rowInfo.get(3 * row);
        // What is not rotated passes through, two neighbours at a time.
        int lowAt = 2 * i;
        int highAt = lowAt + 1;
        float c = 1f;
        float s = 0f;
        if (i < pairs) {
            int angle = (rowInfo.get(3 * row + 2) * pairs + i) * 2;
            lowAt = i;
            highAt = i + pairs;
            c = cosSin.get(angle);
            s = cosSin.get(angle + 1);
        }
        int at = (row * (heads + 2 * kvHeads) + unit) * headDim;
        float low = qkv.get(at + lowAt);
        float high = qkv.get(at + highAt);
        if (own < ownQueries) {
            qkv.set(at + lowAt, low * c - high * s);
            qkv.set(at + highAt, high * c + low * s);
        }
        int kvHead = (own - ownQueries) % ownHeads;
        int block = rowInfo.get(rowInfo.get(3 * row + 1) + position / BLOCK);
        int start = (block * ownHeads + kvHead) * BLOCK + position % BLOCK;
        int to = start * headDim;
        // No else: TornadoVM 5.2 does not compile for PTX what writes fp16 in both branches of one condition.
        if (own >= ownQueries && own < ownQueries + ownHeads) {
            kCache.set(to + lowAt, new HalfFloat(low * c - high * s));
            kCache.set(to + highAt, new HalfFloat(high * c + low * s));
        }
        if (own >= ownQueries + ownHeads) {
            vCache.set(to + lowAt, new HalfFloat(low));
            vCache.set(to + highAt, new HalfFloat(high));
        }
    }
}
