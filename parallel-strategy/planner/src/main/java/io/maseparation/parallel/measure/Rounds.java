package io.maseparation.parallel.measure;

import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CyclicBarrier;
import java.util.function.LongSupplier;

/**
 * Rounds in which all threads run the same loop at the same time, one loop after the other. The rate of a round is what
 * they did together over the time from the start of the first to the end of the last: what one does while another
 * waits for its core counts as the slow round it is. The first rounds run in the interpreter; they get faster until the
 * compiler is done.
 */
final class Rounds {
    private static final long ROUND_NANOS = 10_000_000;
    private static final long LEAST_NANOS = 300_000_000;
    private static final long MOST_NANOS = 2_000_000_000;
    /** Until all threads are awake, for each of them. */
    private static final long WAKE_NANOS = 20_000;
    /** Times through all loops without a better result after which the best one is taken. */
    private static final int SETTLED = 4;
    private static final double BETTER = 1.02;

    private final int threads;
    private final int loops;
    private final CyclicBarrier together;
    private final long[] done;
    private final long[] ends;
    // What follows is written while all threads wait for each other, and read by all of them afterwards.
    private final long start = System.nanoTime();
    private long startOfRound;
    private int round = -1;
    private int settled;
    private boolean over;
    private double best;

    /**
     * Sets up rounds.
     *
     * @param threads number of threads, each of which calls {@link #take} once
     * @param loops number of loops of each
     */
    Rounds(int threads, int loops) {
        this.threads = threads;
        this.loops = loops;
        together = new CyclicBarrier(threads, this::next);
        done = new long[threads];
        ends = new long[threads];
    }

    /** Units of work a second in the best round, once all threads are back. */
    double best() {
        return best;
    }

    /**
     * Takes part in all rounds.
     *
     * @param work the loops, each call of which returns how much it did
     * @return number of rounds
     */
    int take(List<LongSupplier> work) {
        try {
            int thread = together.await();
            while (!over) {
                LongSupplier loop = work.get(round % loops);
                while (System.nanoTime() - startOfRound < 0) {
                    Thread.onSpinWait();
                }
                long sum = 0;
                long now;
                do {
                    sum += loop.getAsLong();
                    now = System.nanoTime();
                } while (now - startOfRound < ROUND_NANOS);
                done[thread] = sum;
                ends[thread] = now;
                together.await();
            }
            return round;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        } catch (BrokenBarrierException e) {
            throw new IllegalStateException("another core failed", e);
        } catch (RuntimeException | Error e) {
            giveUp();
            throw e;
        }
    }

    /** Has the others, who would wait for this thread, fail too: who waits while interrupted breaks the barrier. */
    private void giveUp() {
        Thread.currentThread().interrupt();
        try {
            together.await();
        } catch (InterruptedException | BrokenBarrierException broken) {
            // As it has to be.
        }
    }

    private void next() {
        if (round >= 0) {
            long sum = 0;
            long last = 0;
            for (int thread = 0; thread < threads; thread++) {
                sum += done[thread];
                last = Math.max(last, ends[thread] - startOfRound);
            }
            double rate = sum * 1e9 / last;
            settled = rate > best * BETTER ? 0 : settled + 1;
            best = Math.max(best, rate);
        }
        round++;
        long now = System.nanoTime();
        boolean enough = settled >= SETTLED * loops && now - start >= LEAST_NANOS;
        over = enough || now - start > MOST_NANOS;
        startOfRound = now + WAKE_NANOS * threads;
    }
}
