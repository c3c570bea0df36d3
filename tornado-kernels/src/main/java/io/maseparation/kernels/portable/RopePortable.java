package io.maseparation.kernels.portable;

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
            int headDim) {
        int first = step.get(0);
        int half = headDim / 2;
        int units = heads + 2 * kvHeads;
        int pairs = step.get(1) * units * half;
        for (@Parallel int p = 0; p < pairs; p++) {
            pairF32(p, first, qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, headDim);
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
            int headDim) {
        int first = step.get(0);
        int half = headDim / 2;
        int units = heads + 2 * kvHeads;
        int pairs = step.get(1) * units * half;
        for (@Parallel int p = 0; p < pairs; p++) {
            pairF16(p, first, qkv, rowInfo, cosSin, kCache, vCache, heads, kvHeads, headDim);
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
            int headDim) {
        int half = headDim / 2;
        int units = heads + 2 * kvHeads;
        int i = p % half;
        int unit = p / half % units;
        int row = first + p / half / units;
        int position = rowInfo.get(3 * row);
        int at = (row * units + unit) * headDim + i;
        float low = qkv.get(at);
        float high = qkv.get(at + half);
        float c = cosSin.get((position * half + i) * 2);
        float s = cosSin.get((position * half + i) * 2 + 1);
        if (unit < heads) {
            qkv.set(at, low * c - high * s);
            qkv.set(at + half, high * c + low * s);
        } else {
            int kvHead = (unit - heads) % kvHeads;
            int start = rowInfo.get(3 * row + 1) * kvHeads + kvHead * rowInfo.get(3 * row + 2) + position;
            int to = start * headDim + i;
            if (unit < heads + kvHeads) {
                kCache.set(to, low * c - high * s);
                kCache.set(to + half, high * c + low * s);
            } else {
                vCache.set(to, low);
                vCache.set(to + half, high);
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
            int headDim) {
        int half = headDim / 2;
        int units = heads + 2 * kvHeads;
        int i = p % half;
        int unit = p / half % units;
        int row = first + p / half / units;
        int position = rowInfo.get(3 * row);
        int at = (row * units + unit) * headDim + i;
        float low = qkv.get(at);
        float high = qkv.get(at + half);
        float c = cosSin.get((position * half + i) * 2);
        float s = cosSin.get((position * half + i) * 2 + 1);
        if (unit < heads) {
            qkv.set(at, low * c - high * s);
            qkv.set(at + half, high * c + low * s);
        } else {
            int kvHead = (unit - heads) % kvHeads;
            int start = rowInfo.get(3 * row + 1) * kvHeads + kvHead * rowInfo.get(3 * row + 2) + position;
            int to = start * headDim + i;
            if (unit < heads + kvHeads) {
                kCache.set(to, new HalfFloat(low * c - high * s));
                kCache.set(to + half, new HalfFloat(high * c + low * s));
            } else {
                vCache.set(to, new HalfFloat(low));
                vCache.set(to + half, new HalfFloat(high));
            }
        }
    }
}
