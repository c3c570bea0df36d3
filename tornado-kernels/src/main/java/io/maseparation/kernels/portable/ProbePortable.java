package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels whose results tell whether what stands between them in a graph was done, and when. All numbers are exact. */
public final class ProbePortable {
    private ProbePortable() {}

    /** Writes numbers that differ by place, rank and round: n of them, in blocks of {@code count}. */
    public static void produce(IntArray round, FloatArray x, int n, int count, int rank) {
        int same = round.get(0) + 1024 * rank;
        for (@Parallel int i = 0; i < n; i++) {
            x.set(i, i % 512 + 16384 * (i / count) + same);
        }
    }

    /** Writes what {@link #produce} never does. */
    public static void clear(FloatArray x, int n) {
        for (@Parallel int i = 0; i < n; i++) {
            x.set(i, -1f);
        }
    }

    /** Writes 2 y + 1. */
    public static void consume(FloatArray y, FloatArray z, int n) {
        for (@Parallel int i = 0; i < n; i++) {
            z.set(i, 2f * y.get(i) + 1f);
        }
    }
}
