package io.maseparation.parallel.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.maseparation.kernels.LargePages;
import io.maseparation.parallel.threads.ParallelMap;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

class HostPeakTest {
    private static final int ATTEMPTS = 5;
    private static final long NANOS = 200_000_000;
    /** What the clock and other programs may take from one measurement and not from the other. */
    private static final double TOLERANCE = 0.95;
    /** Longs that no cache holds by themselves, and floats that the first-level cache holds. */
    private static final int LONGS = 16 << 20;

    private static final int FLOATS = 2048;

    @Test
    void noSimpleLoopIsFaster() {
        long[] data = new long[LONGS];
        float[] a = new float[FLOATS];
        float[] b = new float[FLOATS];
        double bytesShare = 0;
        double flopsShare = 0;
        // Another program may keep the core busy during one of the two.
        for (int i = 0; i < ATTEMPTS && Math.min(bytesShare, flopsShare) < TOLERANCE; i++) {
            HostPeak peak = HostPeak.measure(1);
            bytesShare = Math.max(bytesShare, peak.bytesPerSecond() / best(() -> sum(data)));
            flopsShare = Math.max(flopsShare, peak.flopsPerSecond() / best(() -> axpy(a, b)));
        }

        assertThat(bytesShare).as("bound over a loop that reads").isGreaterThan(TOLERANCE);
        assertThat(flopsShare).as("bound over a loop that multiplies and adds").isGreaterThan(TOLERANCE);
    }

    @Test
    void memoryThatWasReadIsGivenBack() {
        long before = LargePages.bytes();
        HostPeak.measure(1);
        assertThat(LargePages.bytes()).isLessThanOrEqualTo(before);
    }

    @Test
    void anyNumberOfStreamsReadsPieceAfterPiece() {
        MemoryLoops loops = new MemoryLoops(Arena.ofAuto(), 16 << 20);
        for (int streams : new int[] {1, 2, 4, 8}) {
            for (int i = 0; i < 600; i++) {
                assertThat(loops.read(streams)).isEqualTo(1 << 16);
            }
        }
        for (int i = 0; i < 300; i++) {
            assertThat(loops.copy()).isEqualTo(1 << 17);
        }
        assertThatThrownBy(() -> loops.read(3)).hasMessage("streams: 3, expected 1, 2, 4 or 8");
        assertThatThrownBy(() -> new MemoryLoops(Arena.ofAuto(), 1)).hasMessageContaining("at least 16 MiB");
    }

    @Test
    void aRoundCountsFromTheFirstStartToTheLastEnd() {
        // One of two does nothing but take longer: together they are a fifth as fast as the other one alone.
        Rounds rounds = new Rounds(2, 1);
        LongSupplier busy = () -> spin(1_000_000);
        LongSupplier late = () -> spin(20_000_000) * 0;
        new ParallelMap("test", 2, () -> {}).map(List.of(List.of(busy), List.of(late)), rounds::take);

        assertThat(rounds.together()).isLessThan(0.7e9);
        assertThat(Arrays.stream(rounds.each()).max().orElseThrow()).isGreaterThan(0.7e9);
    }

    @Test
    void aLoopThatFailsEndsAll() {
        Rounds rounds = new Rounds(2, 1);
        LongSupplier works = () -> spin(1000);
        LongSupplier fails = () -> {
            throw new IllegalArgumentException("no memory");
        };

        assertThatThrownBy(() -> new ParallelMap("test", 2, () -> {})
                .map(List.of(List.of(works), List.of(fails)), rounds::take))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("another core failed");
    }

    private static long spin(long nanos) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < nanos) {
            Thread.onSpinWait();
        }
        return nanos;
    }

    /** Units of work a second in the best of many calls. */
    private static double best(LongSupplier loop) {
        double best = 0;
        long start = System.nanoTime();
        while (System.nanoTime() - start < NANOS) {
            long before = System.nanoTime();
            long done = loop.getAsLong();
            best = Math.max(best, done * 1e9 / (System.nanoTime() - before));
        }
        return best;
    }

    private static long sum(long[] data) {
        long sum = 0;
        for (long value : data) {
            sum += value;
        }
        return 8L * data.length + (sum == Long.MIN_VALUE ? 1 : 0);
    }

    private static long axpy(float[] a, float[] b) {
        for (int repeat = 0; repeat < 64; repeat++) {
            for (int i = 0; i < a.length; i++) {
                b[i] = Math.fma(a[i], 0.5f, b[i]);
            }
        }
        return 2L * 64 * a.length;
    }
}
