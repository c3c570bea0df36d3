package io.maseparation.parallel.plan;

import java.util.List;

/**
 * One operation of a rank's program. A program is the chain of one micro-batch through one step; all micro-batches of a
 * rank run the same chain, each in order, and a rank may switch between them wherever a receive has to wait.
 */
public sealed interface Op {

    /** Runs a segment on the rank's device. */
    record Compute(String segment) implements Op {}

    /** Sends without waiting for the receiver. */
    record Send(int to, Tensor tensor, int layer) implements Op {}

    /** Waits for what another rank sends. */
    record Recv(int from, Tensor tensor, int layer) implements Op {}

    /**
     * Sums a tensor over a group, in rank order, so that every member ends with the same bits: a reduce-scatter
     * followed by an all-gather.
     */
    record AllReduce(List<Integer> group, Tensor tensor, int layer) implements Op {
        public AllReduce {
            group = List.copyOf(group);
        }
    }

    /** Every member sends a part to every member, itself included, and waits for all of its own. */
    record AllToAll(List<Integer> group, Tensor tensor, int layer) implements Op {
        public AllToAll {
            group = List.copyOf(group);
        }
    }

    /** Turns the logits of the rank's output rows into tokens. */
    record Sample() implements Op {}
}
