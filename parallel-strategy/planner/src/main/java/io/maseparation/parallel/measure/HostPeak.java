package io.maseparation.parallel.measure;

import io.maseparation.parallel.threads.ParallelMap;
import java.util.Collections;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * What this machine's cores can do at most, measured in a fraction of a second: a yardstick for MBU and MFU of runs on
 * the embedded device, good to some percent.
 *
 * @param bytesPerSecond read bandwidth of all cores together, over {@value #READ_MIB} MiB
 * @param flopsPerSecond fp32 fused multiply-adds of all cores together, each counted as two
 */
public record HostPeak(double bytesPerSecond, double flopsPerSecond) {
    /** Memory that is read: more than caches usually hold. */
    private static final int READ_MIB = 256;
    private static final long ROUND_NANOS = 10_000_000;
    private static final long LEAST_NANOS = 150_000_000;
    private static final long MOST_NANOS = 1_500_000_000;
    /** Rounds without a better one after which it is believed. */
    private static final int SETTLED_ROUNDS = 6;
    private static final double BETTER = 1.03;
    /** Longs that are read between two looks at the clock. */
    private static final int PIECE = 1 << 16;
    /** Floats that stay in the first cache. */
    private static final int ARRAY = 2048;

    /** Measures all cores. */
    public static HostPeak measure() {
        int cores = Runtime.getRuntime().availableProcessors();
        int longs = Math.max(PIECE, (READ_MIB << 17) / cores);
        double bytes = onAllCores(cores, () -> {
            long[] data = new long[longs];
            int[] next = {0};
            return () -> {
                int from = next[0] + PIECE <= data.length ? next[0] : 0;
                next[0] = from + PIECE;
                return 8L * PIECE + (sum(data, from, from + PIECE) == Long.MIN_VALUE ? 1 : 0);
            };
        });
        double flops = onAllCores(cores, () -> {
            float[] values = new float[ARRAY];
            return () -> multiplyAdds(values);
        });
        return new HostPeak(bytes, flops);
    }

    /** Bits of a vector register as the Vector API uses them; 0 without its module. */
    public static int vectorBits() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() ? VectorWidth.bits() : 0;
    }

    /**
     * Rate of all cores together.
     *
     * @param work makes the work of one core, each call of which returns how much it did
     */
    private static double onAllCores(int cores, Supplier<LongSupplier> work) {
        return new ParallelMap("peak", cores, () -> {})
                .map(Collections.nCopies(cores, work), w -> rate(w.get())).stream()
                .mapToDouble(rate -> rate)
                .sum();
    }

    /**
     * The best round: what the core can do, whatever else it had to do meanwhile. The first rounds are the
     * interpreter's; it takes until the compiler is done that no round beats the ones before.
     */
    private static double rate(LongSupplier piece) {
        long start = System.nanoTime();
        double best = 0;
        int settled = 0;
        while (settled < SETTLED_ROUNDS || System.nanoTime() - start < LEAST_NANOS) {
            double rate = repeat(piece, ROUND_NANOS);
            settled = rate > best * BETTER ? 0 : settled + 1;
            best = Math.max(best, rate);
            if (System.nanoTime() - start > MOST_NANOS) {
                break;
            }
        }
        return best;
    }

    private static double repeat(LongSupplier piece, long nanos) {
        long start = System.nanoTime();
        long done = 0;
        long now;
        do {
            done += piece.getAsLong();
            now = System.nanoTime();
        } while (now - start < nanos);
        return done * 1e9 / (now - start);
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

    /** Several a load and store, in a form that the compiler turns into vector instructions. */
    private static long multiplyAdds(float[] values) {
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
