package io.maseparation.kernels;

import java.util.concurrent.RecursiveAction;

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
        int parts = Math.min(chunks, 4 * Runtime.getRuntime().availableProcessors());
        if (parts <= 1) {
            if (n > 0) {
                body.run(0, n);
            }
            return;
        }
        // Not ForkJoinPool.invoke: with it the calling thread may wait instead of taking its share.
        new Split(body, 0, parts, parts, chunks, step, n).invoke();
    }

    private static final class Split extends RecursiveAction {
        private static final long serialVersionUID = 1L;

        private final transient Range body;
        private final int fromPart;
        private final int toPart;
        private final int parts;
        private final int chunks;
        private final int grain;
        private final int n;

        Split(Range body, int fromPart, int toPart, int parts, int chunks, int grain, int n) {
            this.body = body;
            this.fromPart = fromPart;
            this.toPart = toPart;
            this.parts = parts;
            this.chunks = chunks;
            this.grain = grain;
            this.n = n;
        }

        @Override
        protected void compute() {
            if (toPart - fromPart > 1) {
                int middle = (fromPart + toPart) >>> 1;
                Split right = new Split(body, middle, toPart, parts, chunks, grain, n);
                right.fork();
                new Split(body, fromPart, middle, parts, chunks, grain, n).compute();
                right.join();
                return;
            }
            int from = (int) ((long) chunks * fromPart / parts) * grain;
            int to = Math.min(n, (int) ((long) chunks * toPart / parts) * grain);
            if (from < to) {
                body.run(from, to);
            }
        }
    }
}
