package io.maseparation.parallel.measure;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CyclicBarrier;
import java.util.function.LongSupplier;

/**
 * Rounds in which all threads run the same loop at the same time, one loop after the other. The first ones run in the
 * interpreter; they get faster until the compiler is done. Rounds are short, so that some find all cores free on a
 * machine that has other work.
 */
final class Rounds {
    private static final long ROUND_NANOS = 3_000_000;
    private static final long MOST_NANOS = 5_000_000_000L;
    /** Until all threads are awake, for each of them. */
    private static final long WAKE_NANOS = 20_000;
    /** Calls of a loop by each thread after which the compiler has been asked for its best. */
    private static final long CALLS = 500;
    /** Time after those without a better result, when the best one is taken: more than that compiler takes. */
    private static final long SETTLED_NANOS = 600_000_000;
    private static final double BETTER = 1.02;

    private final int threads;
    private final int loops;
    private final CyclicBarrier barrier;
    private final long[] done;
    private final long[] ends;
    private final long[] calls;
    // What follows is written while all threads wait for each other, and read by all of them afterwards.
    private final long start = System.nanoTime();
    private long startOfRound;
    private int round = -1;
    private long lastBetter = start;
    private boolean over;
    private double together;
    private final double[] each;
    /** Of each loop, by the slowest threads. */
    private final long[] called;

    /**
     * Sets up rounds.
     *
     * @param threads number of threads, each of which calls {@link #take} once
     * @param loops number of loops of each
     */
    Rounds(int threads, int loops) {
        this.threads = threads;
        this.loops = loops;
        barrier = new CyclicBarrier(threads, this::next);
        done = new long[threads];
        ends = new long[threads];
        calls = new long[threads];
        called = new long[loops];
        each = new double[threads];
    }

    /**
     * Units of work a second of all threads together, once all are back: in the best round, over the time from its
     * start to the end of the last thread. What one does while another waits for its core counts as the slow round it
     * is, so that threads that share something are not taken to have it for themselves, each in its turn.
     */
    double together() {
        return together;
    }

    /** Units of work a second of each thread in its own best round, once all are back. */
    double[] each() {
        return each.clone();
    }

    /**
     * Takes part in all rounds.
     *
     * @param work the loops, each call of which returns how much it did
     * @return number of rounds
     */
    int take(List<LongSupplier> work) {
        try {
            int thread = barrier.await();
            while (!over) {
                LongSupplier loop = work.get(round % loops);
                while (System.nanoTime() - startOfRound < 0) {
                    Thread.onSpinWait();
                }
                long sum = 0;
                long count = 0;
                long now;
                do {
                    sum += loop.getAsLong();
                    count++;
                    now = System.nanoTime();
                } while (now - startOfRound < ROUND_NANOS);
                done[thread] = sum;
                ends[thread] = now;
                calls[thread] = count;
                barrier.await();
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
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException broken) {
            // As it has to be.
        }
    }

    private void next() {
        long now = System.nanoTime();
        if (round >= 0) {
            long sum = 0;
            long last = 0;
            for (int thread = 0; thread < threads; thread++) {
                long took = ends[thread] - startOfRound;
                sum += done[thread];
                last = Math.max(last, took);
                each[thread] = better(each[thread], done[thread] * 1e9 / took, now);
            }
            together = better(together, sum * 1e9 / last, now);
            called[round % loops] += Arrays.stream(calls).min().orElse(0);
        }
        round++;
        if (Arrays.stream(called).anyMatch(times -> times < CALLS)) {
            lastBetter = now;
        }
        over = now - lastBetter > SETTLED_NANOS || now - start > MOST_NANOS;
        startOfRound = now + WAKE_NANOS * threads;
    }

    private double better(double before, double rate, long now) {
        if (rate > before * BETTER) {
            lastBetter = now;
        }
        return Math.max(before, rate);
    }
}
