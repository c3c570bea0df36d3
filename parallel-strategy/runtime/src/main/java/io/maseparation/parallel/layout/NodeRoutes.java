package io.maseparation.parallel.layout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Where rows enter the nodes of their experts, if they cross to a node once ({@link Dispatch}). Of the ranks that need
 * a row in a node other than its asker's, which are those of its experts on the asker's rail, one gets it and forwards
 * it to the others. Rows take those ranks in turn, so that no rank is sent more rows from outside than it needs itself
 * and none forwards for all. Executor and simulator ask here, so that they agree. Not thread-safe.
 */
public final class NodeRoutes {
    private static final int BITS = 20;
    private static final int RANK = (1 << BITS) - 1;

    private final Placement placement;
    /** By rank. */
    private final int[] nodeOf;
    /** Of the row that is looked at, the ranks that it gets to from other nodes: asker, node and rank in a number. */
    private long[] targets = new long[16];

    /** Told of each rank that a row gets to from another node. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * A row gets to a rank.
         *
         * @param entry the rank that the row is sent to from the other node
         * @param to the rank that needs it: the former, or one in its node that it forwards the row to
         */
        void visit(int entry, int to);
    }

    NodeRoutes(Placement placement, Dispatch dispatch) {
        this.placement = placement;
        nodeOf = dispatch.nodes().stream().mapToInt(n -> n).toArray();
    }

    /**
     * {@return the routes of a plan; empty if each rank of a row's experts is sent the row}
     *
     * @param plan the plan
     */
    public static Optional<NodeRoutes> of(Plan plan) {
        Dispatch dispatch = plan.layout().dispatch();
        return dispatch.mode() == Dispatch.Mode.DIRECT
                ? Optional.empty()
                : Optional.of(new NodeRoutes(plan.placement(), dispatch));
    }

    /**
     * {@return the node of a rank}
     *
     * @param rank index of the rank
     */
    public int nodeOf(int rank) {
        return nodeOf[rank];
    }

    /**
     * {@return whether two ranks are in different nodes}
     *
     * @param rank a rank
     * @param other another rank
     */
    public boolean apart(int rank, int other) {
        return nodeOf[rank] != nodeOf[other];
    }

    /**
     * {@return whether an expert group has a rank in a node}
     *
     * @param expertGroup index of the expert group, over all copies
     * @param node the node
     */
    public boolean reaches(int expertGroup, int node) {
        for (int rank : placement.ranksOf(expertGroup)) {
            if (nodeOf[rank] == node) {
                return true;
            }
        }
        return false;
    }

    /**
     * {@return the other ranks of experts in a rank's node that the same ranks ask, ascending}
     *
     * @param rank index of a rank with experts
     */
    public List<Integer> peers(int rank) {
        int own = placement.groupOf(rank);
        List<Integer> peers = new ArrayList<>();
        for (int group = 0; group < placement.groups(); group++) {
            if (placement.copyOfExperts(group) == placement.copyOfExperts(own)
                    && placement.askerOf(0, group) == placement.askerOf(0, own)) {
                for (int other : placement.ranksOf(group)) {
                    if (other != rank && !apart(other, rank)) {
                        peers.add(other);
                    }
                }
            }
        }
        peers.sort(null);
        return List.copyOf(peers);
    }

    /**
     * Finds the ranks that one row gets to from other nodes than that of their asker.
     *
     * @param attentionGroup group of the row
     * @param row index of the row in its micro-batch
     * @param assigned expert groups, −1 for none
     * @param first index of the first that is one of the row's slots
     * @param slots slots of a row
     * @param visitor told of each, that at which the row enters among them
     */
    public void visit(int attentionGroup, int row, int[] assigned, int first, int slots, Visitor visitor) {
        int found = find(attentionGroup, assigned, first, slots);
        int end;
        for (int begin = 0; begin < found; begin = end) {
            end = begin + 1;
            while (end < found && together(targets[end], targets[begin])) {
                end++;
            }
            int entry = (int) targets[begin + (attentionGroup + row) % (end - begin)] & RANK;
            for (int i = begin; i < end; i++) {
                visitor.visit(entry, (int) targets[i] & RANK);
            }
        }
    }

    /** Notes the ranks that a row gets to from other nodes, those next to each other that one asker has in a node. */
    private int find(int attentionGroup, int[] assigned, int first, int slots) {
        int found = 0;
        for (int i = first; i < first + slots; i++) {
            if (assigned[i] < 0 || seen(assigned, first, i)) {
                continue;
            }
            int asker = placement.askerOf(attentionGroup, assigned[i]);
            for (int rank : placement.ranksOf(assigned[i])) {
                if (apart(asker, rank)) {
                    if (found == targets.length) {
                        targets = Arrays.copyOf(targets, 2 * found);
                    }
                    insert(target(asker, nodeOf[rank], rank), found++);
                }
            }
        }
        return found;
    }

    /** Ranks and nodes have 17 bits at most. */
    private static long target(int asker, int node, int rank) {
        return ((((long) asker << BITS) | node) << BITS) | rank;
    }

    private static boolean together(long target, long other) {
        return target >>> BITS == other >>> BITS;
    }

    /** Keeps the targets, of which there are few, ascending. */
    private void insert(long target, int found) {
        int at = found;
        while (at > 0 && targets[at - 1] > target) {
            targets[at] = targets[at - 1];
            at--;
        }
        targets[at] = target;
    }

    private static boolean seen(int[] assigned, int from, int at) {
        for (int i = from; i < at; i++) {
            if (assigned[i] == assigned[at]) {
                return true;
            }
        }
        return false;
    }
}
