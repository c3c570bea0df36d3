package io.maseparation.parallel.simulate;

import java.util.Arrays;
import java.util.Optional;

/** Where a micro-batch is in its rank's program. */
final class Chain {
    final int rank;
    final int microBatch;
    private final int[] legs;
    int step;
    int op;
    /** What ended last before the chain could go on, in the {@link Log}. */
    int entry = Log.NONE;
    /** Whether the chain is in a receive whose last message has not been sent yet. */
    boolean waits;
    /** Messages missing, by operation and by the parity of the step: a sender may be one step ahead. */
    final int[][] missing;
    /** When the last of those that were sent arrives. */
    final double[][] arrival;
    /** The entry of that one. */
    final int[][] arrivalEntry;

    /**
     * A chain at the beginning of its program.
     *
     * @param legs of the program, as {@link io.maseparation.parallel.layout.RankPlan#legs} counts them
     * @param messages that each operation receives
     */
    Chain(int rank, int microBatch, int[] legs, int[] messages) {
        this.rank = rank;
        this.microBatch = microBatch;
        this.legs = legs;
        missing = new int[][] {messages.clone(), messages.clone()};
        arrival = new double[2][messages.length];
        arrivalEntry = new int[2][messages.length];
        Arrays.fill(arrivalEntry[0], Log.NONE);
        Arrays.fill(arrivalEntry[1], Log.NONE);
    }

    /** An entry of the log about what the chain is doing. */
    Log.Entry entry(String name, Optional<TaskCost> computed, double start, double end, int cause) {
        return new Log.Entry(rank, microBatch, step, name, computed, start, end, cause);
    }

    /** Whether this chain goes first: it is further behind, or further ahead between the same two exchanges. */
    boolean before(Chain other) {
        if (step != other.step) {
            return step < other.step;
        }
        if (op != other.op && rank == other.rank) {
            return legs[op] != legs[other.op] ? legs[op] < legs[other.op] : op > other.op;
        }
        return microBatch != other.microBatch ? microBatch < other.microBatch : rank < other.rank;
    }
}
