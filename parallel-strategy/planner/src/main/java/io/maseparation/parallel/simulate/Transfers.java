package io.maseparation.parallel.simulate;

import java.util.ArrayDeque;
import java.util.List;
import java.util.stream.IntStream;

/** The transfer streams of all ranks: each begins its transfers in the order in which they came, one at a time. */
final class Transfers {
    private final List<ArrayDeque<Transfer>> queues;

    /** Begins a transfer. */
    interface Begin {
        /**
         * It is the transfer's turn.
         *
         * @param now the time, in seconds
         * @param ended called with the time when the transfer has ended
         */
        void begin(double now, Ended ended);
    }

    /** Told at the time when a transfer has ended. */
    interface Ended {
        void at(double now);
    }

    private static final class Transfer {
        final int[] ranks;
        final Begin what;
        boolean begun;

        Transfer(int[] ranks, Begin what) {
            this.ranks = ranks;
            this.what = what;
        }
    }

    Transfers(int ranks) {
        queues = IntStream.range(0, ranks).mapToObj(r -> new ArrayDeque<Transfer>(2)).toList();
    }

    /** Adds a transfer that takes the streams of some ranks; it begins now if all of them are free. */
    void add(int[] ranks, double now, Begin what) {
        Transfer transfer = new Transfer(ranks, what);
        for (int rank : ranks) {
            queues.get(rank).add(transfer);
        }
        beginIfFirst(transfer, now);
    }

    /** A transfer starts once it heads the queue of every rank involved. */
    private void beginIfFirst(Transfer transfer, double now) {
        for (int rank : transfer.ranks) {
            if (transfer != queues.get(rank).peek()) {
                return;
            }
        }
        if (!transfer.begun) {
            transfer.begun = true;
            transfer.what.begin(now, then -> end(transfer, then));
        }
    }

    private void end(Transfer transfer, double now) {
        for (int rank : transfer.ranks) {
            queues.get(rank).remove();
        }
        for (int rank : transfer.ranks) {
            Transfer next = queues.get(rank).peek();
            if (next != null) {
                beginIfFirst(next, now);
            }
        }
    }
}
