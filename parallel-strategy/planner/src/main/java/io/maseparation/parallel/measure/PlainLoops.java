package io.maseparation.parallel.measure;

import java.util.List;
import java.util.function.LongSupplier;

/** Loops that the compiler turns into vector instructions by itself, for machines without the Vector API's module. */
final class PlainLoops {
    /** Longs that are read between two readings of the clock. */
    private static final int PIECE = 1 << 13;
    /** Floats that fit into the first-level cache. */
    private static final int ARRAY = 2048;

    private final long[] data;
    private final float[] values = new float[ARRAY];
    private int next;

    /**
     * Allocates memory to read.
     *
     * @param longs how many
     */
    PlainLoops(int longs) {
        data = new long[Math.max(PIECE, longs)];
    }

    /** Reads over some longs. */
    static List<LongSupplier> reads(int longs) {
        return List.of(new PlainLoops(longs)::read);
    }

    /** Reads the next piece of the memory; bytes that were read. */
    long read() {
        int from = next + PIECE <= data.length ? next : 0;
        next = from + PIECE;
        return 8L * PIECE + (sum(data, from, from + PIECE) == Long.MIN_VALUE ? 1 : 0);
    }

    private static long sum(long[] data, int from, int to) {
        long a = 0;
        long b = 0;
        long c = 0;
        long d = 0;
        for (int i = from; i < to; i += 4) {
            a += data[i];
            b += data[i + 1];
            c += data[i + 2];
            d += data[i + 3];
        }
        return a + b + c + d;
    }

    /** Several multiply-adds per load and store; floating-point operations, two for each. */
    long multiplyAdd() {
        for (int i = 0; i < values.length; i++) {
            float v = values[i];
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            v = Math.fma(v, 0.5f, 1f);
            values[i] = Math.fma(v, 0.5f, 1f);
        }
        return 16L * values.length + (Float.isNaN(values[0]) ? 1 : 0);
    }
}
