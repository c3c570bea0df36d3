package io.maseparation.parallel.layout;

import io.maseparation.files.Identified;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * How a row gets from the rank of its attention to the ranks of its experts. Either it is sent to each of them, or it
 * crosses to a node once: to one of the ranks there that need it, which forwards it to the others over the links inside
 * the node (the hierarchical dispatch of DeepEP and of DeepSpeed-MoE's all-to-all). Ranks of the sender's own node get
 * it from the sender either way.
 *
 * @param nodes node of each rank; empty where rows are sent to each rank
 */
public record Dispatch(List<Integer> nodes) {
    /** Name of the choice in files and messages. */
    public static final String NAME = "dispatch";

    /** Every rank of a row's experts gets it from the rank of its attention. */
    public static final Dispatch DIRECT = new Dispatch(List.of());

    /** The two ways. */
    public enum Mode implements Identified {
        /** A row is sent to every rank that needs it. */
        DIRECT,
        /** A row is sent to a node once, and spread inside it. */
        NODE
    }

    /**
     * Copies the list.
     *
     * @throws PlanException if the number of a node is negative or beyond all limits
     */
    public Dispatch {
        nodes = List.copyOf(nodes);
        SizeChecks.require(nodes.stream().allMatch(n -> n >= 0 && n < Layout.MOST_RANKS),
                "nodes are numbered from 0 to %d, not %s", Layout.MOST_RANKS - 1, nodes);
    }

    /**
     * {@return rows that cross to a node once}
     *
     * @param ranks number of ranks
     * @param nodeOf the node of a rank
     */
    public static Dispatch byNode(int ranks, IntUnaryOperator nodeOf) {
        return new Dispatch(IntStream.range(0, ranks).map(nodeOf).boxed().toList());
    }

    /** {@return which of the two ways it is} */
    public Mode mode() {
        return nodes.isEmpty() ? Mode.DIRECT : Mode.NODE;
    }

    /** What a layout's name ends with. */
    String suffix() {
        return mode() == Mode.NODE ? ", dispatch by node" : "";
    }

    void check(int ranks) {
        SizeChecks.require(mode() == Mode.DIRECT || nodes.size() == ranks,
                "'dispatch' names the nodes of %d ranks, but the layout has %d", nodes.size(), ranks);
    }
}
