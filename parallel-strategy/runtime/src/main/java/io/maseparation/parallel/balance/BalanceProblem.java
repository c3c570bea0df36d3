package io.maseparation.parallel.balance;

import java.util.Arrays;

/**
 * Experts to be placed on ranks. Every slot of a rank takes one expert; an expert in several slots is a replica in
 * each, and its load divides evenly among them. No rank holds an expert twice.
 *
 * <p>With more than one node, experts form {@code groups} of equally many neighbours, every group has all its replicas
 * on one node, and every node has equally many groups: tokens that choose experts of few groups then cross few nodes.
 *
 * @param loads load of each expert: tokens, seconds or any other amount that adds up; finite and at least 0
 * @param slots experts that each rank holds; ranks are numbered node by node
 * @param nodes nodes that groups are kept to; 1 if any expert may be anywhere
 * @param groups groups of experts; 1 if there are none
 */
public record BalanceProblem(double[] loads, int[] slots, int nodes, int groups) {

    /** Checks that every expert has a place. */
    public BalanceProblem {
        loads = loads.clone();
        slots = slots.clone();
        if (loads.length == 0 || slots.length == 0) {
            throw new IllegalArgumentException("%d loads and %d ranks, but there must be at least one of each"
                    .formatted(loads.length, slots.length));
        }
        for (int expert = 0; expert < loads.length; expert++) {
            if (!Double.isFinite(loads[expert]) || loads[expert] < 0) {
                throw new IllegalArgumentException("the load of expert %d is %s, but must be finite and at least 0"
                        .formatted(expert, loads[expert]));
            }
        }
        if (!Double.isFinite(Arrays.stream(loads).sum())) {
            throw new IllegalArgumentException("the loads are too large to be added");
        }
        if (nodes < 1 || slots.length % nodes != 0) {
            throw new IllegalArgumentException(
                    "%d ranks cannot be divided evenly among %d nodes".formatted(slots.length, nodes));
        }
        if (groups < 1 || loads.length % groups != 0 || groups % nodes != 0) {
            throw new IllegalArgumentException(
                    "%d groups do not divide %d experts evenly, or cannot be divided evenly among %d nodes"
                            .formatted(groups, loads.length, nodes));
        }
        for (int node = 0; node < nodes; node++) {
            checkNode(slots, node * (slots.length / nodes), slots.length / nodes, loads.length / nodes);
        }
    }

    private static void checkNode(int[] slots, int first, int ranks, int experts) {
        long sum = 0;
        for (int rank = first; rank < first + ranks; rank++) {
            if (slots[rank] < 1 || slots[rank] > experts) {
                throw new IllegalArgumentException("%d slots on rank %d, but it can hold 1 to %d different experts"
                        .formatted(slots[rank], rank, experts));
            }
            sum += slots[rank];
        }
        if (sum < experts) {
            throw new IllegalArgumentException(
                    "%d slots on ranks %d to %d are fewer than the %d experts for them"
                            .formatted(sum, first, first + ranks - 1, experts));
        }
    }

    /**
     * {@return ranks with equally many slots, any expert anywhere}
     *
     * @param loads load of each expert
     * @param ranks number of ranks
     * @param slotsPerRank experts that each holds
     */
    public static BalanceProblem of(double[] loads, int ranks, int slotsPerRank) {
        return of(loads, ranks, slotsPerRank, 1, 1);
    }

    /**
     * {@return ranks with equally many slots on nodes, with groups of experts that stay together}
     *
     * @param loads load of each expert
     * @param ranks number of ranks
     * @param slotsPerRank experts that a rank has room for
     * @param nodes number of nodes; divides the ranks
     * @param groups groups of experts that stay on a node; divides the experts
     */
    public static BalanceProblem of(double[] loads, int ranks, int slotsPerRank, int nodes, int groups) {
        int[] slots = new int[ranks];
        Arrays.fill(slots, slotsPerRank);
        return new BalanceProblem(loads, slots, nodes, groups);
    }

    /** {@return load of each expert, a copy} */
    @Override
    public double[] loads() {
        return loads.clone();
    }

    /** {@return slots of each rank, a copy} */
    @Override
    public int[] slots() {
        return slots.clone();
    }

    /** {@return number of experts} */
    public int experts() {
        return loads.length;
    }

    /** {@return number of ranks} */
    public int ranks() {
        return slots.length;
    }

    /** {@return slots of all ranks} */
    public int totalSlots() {
        return Arrays.stream(slots).sum();
    }

    /** {@return load of all experts} */
    public double totalLoad() {
        return Arrays.stream(loads).sum();
    }

    /** {@return mean load of a rank} */
    public double meanLoad() {
        return totalLoad() / slots.length;
    }

    /** The problem of one node, given the experts that are on it. */
    BalanceProblem ofNode(int node, int[] experts) {
        int ranks = slots.length / nodes;
        return new BalanceProblem(
                Arrays.stream(experts).mapToDouble(e -> loads[e]).toArray(),
                Arrays.copyOfRange(slots, node * ranks, (node + 1) * ranks),
                1,
                1);
    }
}
