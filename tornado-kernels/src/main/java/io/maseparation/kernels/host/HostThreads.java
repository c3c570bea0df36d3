package io.maseparation.kernels.host;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Splits a range over the cores for host bodies. The split never changes a result: each output element is computed by
 * one thread, in an order that does not depend on the range it fell into.
 */
final class HostThreads {

    /** Work on the indices {@code from} (inclusive) to {@code to} (exclusive). */
    @FunctionalInterface
    interface Range {
        void run(int from, int to);
    }

    /** Cores that work is shared out to. */
    static final int CORES = Runtime.getRuntime().availableProcessors();

    /**
     * Threads at work. Helpers stay away while there are as many as cores: where every core has a rank's own thread, a
     * helper would only push one aside in the middle of a part that its caller then waits for.
     */
    private static final AtomicInteger WORKING = new AtomicInteger();

    private HostThreads() {}

    /**
     * Runs {@code body} over [0, n), returning when all of it is done.
     *
     * @param n number of indices
     * @param grain least number of indices worth another thread; ranges start at multiples of it
     * @param body work; called on disjoint ranges that together are [0, n)
     */
    static void forRange(int n, int grain, Range body) {
        int step = Math.max(1, grain);
        int chunks = Math.ceilDiv(n, step);
        // Four chunks a core even out cores that other ranks keep busy.
        int parts = Math.min(chunks, 4 * CORES);
        if (parts <= 1) {
            if (n > 0) {
                body.run(0, n);
            }
            return;
        }
        Job job = new Job(body, parts, chunks, step, n);
        int free = CORES - WORKING.incrementAndGet();
        try {
            int helpers = Math.min(parts - 1, free);
            for (int i = 0; i < helpers; i++) {
                ForkJoinPool.commonPool().execute(job::help);
            }
            job.work();
        } finally {
            WORKING.decrementAndGet();
        }
        job.awaitOthers();
    }

    /**
     * A range that several threads eat up, part by part. The calling thread waits only for parts that another thread
     * has begun, never for the pool to begin one: with every rank's thread asking the pool for help at once, a join
     * inside it was seen to wait for ever.
     */
    private static final class Job {
        /** Looks at the count before the thread gives its core away: the last parts are usually a moment from done. */
        private static final int SPINS = 200;

        private final Range body;
        private final int parts;
        private final int chunks;
        private final int grain;
        private final int n;
        private final Thread caller = Thread.currentThread();
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Job(Range body, int parts, int chunks, int grain, int n) {
            this.body = body;
            this.parts = parts;
            this.chunks = chunks;
            this.grain = grain;
            this.n = n;
        }

        /** The caller's share: whatever no helper has begun. */
        void work() {
            while (runPart()) {
                // The next one.
            }
        }

        /** A helper's share: parts, as long as there is a core for it. */
        void help() {
            boolean more = true;
            while (more) {
                more = WORKING.incrementAndGet() <= CORES && runPart();
                WORKING.decrementAndGet();
            }
        }

        private boolean runPart() {
            int part = next.getAndIncrement();
            if (part >= parts) {
                return false;
            }
            try {
                int from = (int) ((long) chunks * part / parts) * grain;
                // Up to a grain more than n, which need not fit into an int.
                int to = (int) Math.min(n, (long) chunks * (part + 1) / parts * grain);
                if (from < to) {
                    body.run(from, to);
                }
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            } finally {
                if (done.incrementAndGet() == parts && Thread.currentThread() != caller) {
                    LockSupport.unpark(caller);
                }
            }
            return true;
        }

        void awaitOthers() {
            for (int i = 0; i < SPINS && done.get() < parts; i++) {
                Thread.onSpinWait();
            }
            boolean interrupted = false;
            while (done.get() < parts) {
                LockSupport.park(this);
                // A part that has begun writes into the caller's arrays: it must end before the caller goes on.
                interrupted |= Thread.interrupted();
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            switch (failure.get()) {
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case null, default -> {}
            }
        }
    }
}
