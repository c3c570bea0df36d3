package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.Placement;
import io.maseparation.parallel.layout.Plan;

/**
 * Which group of expert ranks serves which rows. If ranks compute the experts of their own rows, each share of the
 * batch is served by one group.
 */
final class ExpertMap {
    private final Placement placement;
    private final int groups;
    private final int[] groupOfRank;

    ExpertMap(Plan plan) {
        placement = plan.placement();
        groups = placement.isEmpty() ? plan.groups() : placement.groups();
        groupOfRank = plan.ranks().stream()
                .mapToInt(r -> placement.isEmpty() ? r.group() : placement.groupOf(r.rank()))
                .toArray();
    }

    /** Number of groups of expert ranks. */
    int groups() {
        return groups;
    }

    /** The group of expert ranks that a rank is in; -1 for a rank without experts. */
    int groupOf(int rank) {
        return groupOfRank[rank];
    }

    /** The group that serves an expert (the shared one comes last) for a row, given by its index in its group. */
    int serving(int layer, int expert, int attentionGroup, int row) {
        return placement.isEmpty() ? attentionGroup : placement.groupFor(layer, expert, attentionGroup, row);
    }
}
