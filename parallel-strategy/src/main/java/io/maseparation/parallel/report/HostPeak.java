package io.maseparation.parallel.report;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;

/**
 * What this machine's cores can do at most, measured in a fraction of a second: a yardstick for MBU and MFU of runs on
 * the embedded device, good to some percent.
 *
 * @param bytesPerSecond read bandwidth of all cores together, over {@value #READ_MIB} MiB
 * @param flopsPerSecond fp32 fused multiply-adds of all cores together, each counted as two
 * @param vector whether the multiply-adds were the Vector API's
 */
public record HostPeak(double bytesPerSecond, double flopsPerSecond, boolean vector) {
    /** Memory that is read: more than caches usually hold. */
    private static final int READ_MIB = 256;
    private static final long WARM_UP_NANOS = 60_000_000;
    private static final long MEASURED_NANOS = 60_000_000;
    private static final int ARRAY = 1024;

    /** Measures all cores. */
    public static HostPeak measure() {
        int cores = Runtime.getRuntime().availableProcessors();
        int longs = (READ_MIB << 17) / cores;
        boolean vector = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        double bytes = onAllCores(cores, () -> {
            long[] data = new long[longs];
            return () -> 8L * data.length + (sum(data) == Long.MIN_VALUE ? 1 : 0);
        });
        double flops = onAllCores(cores, () -> {
            if (vector) {
                return () -> VectorPeak.multiplyAdds(1 << 14);
            }
            float[] values = new float[ARRAY];
            return () -> multiplyAdds(values, 100);
        });
        return new HostPeak(bytes, flops, vector);
    }

    /** Bits of a vector register as the Vector API uses them; 0 without its module. */
    public static int vectorBits() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent() ? VectorPeak.bits() : 0;
    }

    private interface Work {
        /** A piece of work for one core; each call returns how much of it was done. */
        LongSupplier forOneCore();
    }

    private static double onAllCores(int cores, Work work) {
        List<Future<Double>> rates = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(cores)) {
            for (int i = 0; i < cores; i++) {
                rates.add(threads.submit(() -> rate(work.forOneCore())));
            }
            double sum = 0;
            for (Future<Double> rate : rates) {
                sum += rate.get();
            }
            return sum;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Double.NaN;
        } catch (ExecutionException e) {
            throw new IllegalStateException("the peak of this machine could not be measured", e.getCause());
        }
    }

    /** The best of a few rounds: what the core can do, whatever else it had to do meanwhile. */
    private static double rate(LongSupplier piece) {
        repeat(piece, WARM_UP_NANOS);
        double best = 0;
        for (int round = 0; round < 3; round++) {
            best = Math.max(best, repeat(piece, MEASURED_NANOS / 3));
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

    private static long sum(long[] data) {
        long a = 0;
        long b = 0;
        long c = 0;
        long d = 0;
        for (int i = 0; i + 3 < data.length; i += 4) {
            a += data[i];
            b += data[i + 1];
            c += data[i + 2];
            d += data[i + 3];
        }
        return a + b + c + d;
    }

    private static long multiplyAdds(float[] values, int times) {
        for (int t = 0; t < times; t++) {
            for (int i = 0; i < values.length; i++) {
                values[i] = Math.fma(values[i], 0.5f, 1f);
            }
        }
        return 2L * times * values.length + (Float.isNaN(values[0]) ? 1 : 0);
    }
}
