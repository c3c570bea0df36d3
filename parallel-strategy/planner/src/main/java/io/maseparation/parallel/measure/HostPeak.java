package io.maseparation.parallel.measure;

import io.maseparation.parallel.threads.ParallelMap;
import java.util.Collections;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Peak throughput of this machine's cores, measured in a few seconds: a yardstick for MBU and MFU of runs on the
 * embedded device, accurate to a few percent.
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
    /** Rounds without a better result after which the best one is taken. */
    private static final int SETTLED_ROUNDS = 6;
    private static final double BETTER = 1.03;
    /** Longs that are read between two readings of the clock. */
    private static final int PIECE = 1 << 16;
    /** Floats that fit into the first-level cache. */
    private static final int ARRAY = 2048;

    /** {@return what all cores reach together, measured now} */
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

    /** {@return bits of a vector register as the Vector API uses them; 0 if its module is not loaded} */
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
     * The best round: what the core can do when nothing else keeps it busy. The first rounds run in the interpreter;
     * rounds get faster until the compiler is done.
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

    /** Several operations per load and store, in a form that the compiler turns into vector instructions. */
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
