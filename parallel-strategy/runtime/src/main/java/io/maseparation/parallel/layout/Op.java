package io.maseparation.parallel.layout;

import java.util.List;

/**
 * One operation of a rank's program. A program is the chain of one micro-batch through one step; all micro-batches of a
 * rank run the same chain, each in order, and a rank may switch between them wherever a receive has to wait.
 */
public sealed interface Op {

    /**
     * Runs a segment on the rank's device.
     *
     * @param segment name of the segment
     */
    record Compute(String segment) implements Op {}

    /**
     * Sends each receiver its part, without waiting for any of them.
     *
     * @param to receivers
     * @param tensor what travels
     * @param layer layer, or another index that tells apart tensors of one kind within a step
     */
    record Send(List<Integer> to, Tensor tensor, int layer) implements Op {
        /** Copies the list. */
        public Send {
            to = List.copyOf(to);
        }
    }

    /**
     * Waits for what each of some ranks sends, and takes it in the order they are named in.
     *
     * @param from senders
     * @param tensor what travels
     * @param layer layer, or another index that tells apart tensors of one kind within a step
     */
    record Recv(List<Integer> from, Tensor tensor, int layer) implements Op {
        /** Copies the list. */
        public Recv {
            from = List.copyOf(from);
        }
    }

    /** What all members of a group do together. */
    sealed interface Collective extends Op {
        /** {@return ranks that take part} */
        List<Integer> group();

        /** {@return what is exchanged} */
        Tensor tensor();

        /** {@return layer of the model} */
        int layer();
    }

    /**
     * Sums a tensor over a group, in rank order, so that every member ends with the same bits: a reduce-scatter
     * followed by an all-gather.
     *
     * @param group ranks that take part
     * @param tensor what travels
     * @param layer layer, or another index that tells apart tensors of one kind within a step
     */
    record AllReduce(List<Integer> group, Tensor tensor, int layer) implements Collective {
        /** Copies the list. */
        public AllReduce {
            group = List.copyOf(group);
        }
    }

    /**
     * Every member sends a part to every member, itself included, and waits for all parts sent to it.
     *
     * @param group ranks that take part
     * @param tensor what travels
     * @param layer layer, or another index that tells apart tensors of one kind within a step
     */
    record AllToAll(List<Integer> group, Tensor tensor, int layer) implements Collective {
        /** Copies the list. */
        public AllToAll {
            group = List.copyOf(group);
        }
    }

    /** Turns the logits of the rank's output rows into tokens. */
    record Sample() implements Op {}
}
