package io.maseparation.kernels.portable;

import static io.maseparation.kernels.KvCache.BLOCK;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable bodies of {@code RandomCache}, and what all its bodies do. */
public final class CachePortable {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private CachePortable() {}

    /** In F32. */
    public static void f32(
            IntArray stream, IntArray blocks, FloatArray values, FloatArray cache, int fours, int heads, int headDim) {
        for (@Parallel int i = 0; i < fours; i++) {
            fourF32(stream, blocks, values, cache, 4 * i, heads, headDim);
        }
    }

    /** In F16; the last of the values is zero. */
    public static void f16(
            IntArray stream, IntArray blocks, HalfFloatArray values, HalfFloatArray cache, int fours, int heads,
            int headDim) {
        for (@Parallel int i = 0; i < fours; i++) {
            fourF16(stream, blocks, values, cache, 4 * i, heads, headDim);
        }
    }

    /** The four elements from one on, in F32; they share a random number. */
    public static void fourF32(
            IntArray stream, IntArray blocks, FloatArray values, FloatArray cache, int at, int heads, int headDim) {
        if (isRandom(blocks, at, heads, headDim)) {
            long random = random(stream, blocks, at, heads, headDim);
            cache.set(at, values.get((int) random & 0xFFFF));
            cache.set(at + 1, values.get((int) (random >> 16) & 0xFFFF));
            cache.set(at + 2, values.get((int) (random >> 32) & 0xFFFF));
            cache.set(at + 3, values.get((int) (random >> 48) & 0xFFFF));
        } else {
            cache.set(at, 0f);
            cache.set(at + 1, 0f);
            cache.set(at + 2, 0f);
            cache.set(at + 3, 0f);
        }
    }

    /** The four elements from one on, in F16. */
    public static void fourF16(
            IntArray stream, IntArray blocks, HalfFloatArray values, HalfFloatArray cache, int at, int heads,
            int headDim) {
        if (isRandom(blocks, at, heads, headDim)) {
            long random = random(stream, blocks, at, heads, headDim);
            cache.set(at, values.get((int) random & 0xFFFF));
            cache.set(at + 1, values.get((int) (random >> 16) & 0xFFFF));
            cache.set(at + 2, values.get((int) (random >> 32) & 0xFFFF));
            cache.set(at + 3, values.get((int) (random >> 48) & 0xFFFF));
        } else {
            cache.set(at, values.get(0x10000));
            cache.set(at + 1, values.get(0x10000));
            cache.set(at + 2, values.get(0x10000));
            cache.set(at + 3, values.get(0x10000));
        }
    }

    /** Whether an element of a cache belongs to a position of a context. */
    private static boolean isRandom(IntArray blocks, int at, int heads, int headDim) {
        int row = at / headDim;
        int block = row / (BLOCK * heads);
        return row % BLOCK < blocks.get(3 * block + 2);
    }

    /** Sixteen random bits for each of the four elements from one on, the lowest for the first. */
    private static long random(IntArray stream, IntArray blocks, int at, int heads, int headDim) {
        int row = at / headDim;
        int block = row / (BLOCK * heads);
        int head = row / BLOCK - block * heads + stream.get(2);
        int position = blocks.get(3 * block + 1) + row % BLOCK;
        long layer = ((long) stream.get(1) << 32) | (stream.get(0) & 0xFFFFFFFFL);
        long key = key(key(key(layer, blocks.get(3 * block)), head), stream.get(3));
        return bits(key, (position * headDim + at % headDim) / 4);
    }

    private static long key(long key, long part) {
        return bits(bits(key, part), ~part);
    }

    private static long bits(long key, long counter) {
        // TornadoVM 5.2 makes shifts that bring in the sign of those that should bring in zeros.
        long start = key + (counter + 1) * GOLDEN;
        long once = (start ^ ((start >> 30) & 0x3_FFFF_FFFFL)) * 0xBF58476D1CE4E5B9L;
        long twice = (once ^ ((once >> 27) & 0x1F_FFFF_FFFFL)) * 0x94D049BB133111EBL;
        return twice ^ ((twice >> 31) & 0x1_FFFF_FFFFL);
    }
}
