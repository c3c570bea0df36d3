package io.maseparation.parallel.simulate;

import io.maseparation.parallel.plan.Placement;
import io.maseparation.parallel.plan.Plan;
import io.maseparation.parallel.plan.RankPlan;
import java.util.List;

/** Which group of expert ranks serves which rows. Ranks that have all experts of their own rows are a group a share. */
final class ExpertMap {
    private final int groups;
    private final int[] groupOfRank;
    private final int[][][] serving;

    ExpertMap(Plan plan) {
        int ranks = plan.ranks().size();
        groupOfRank = new int[ranks];
        boolean local = plan.placement().holders().isEmpty();
        groups = local ? plan.groups() : ranks;
        int[] rankOfGroup = new int[plan.groups()];
        for (RankPlan rank : plan.ranks()) {
            groupOfRank[rank.rank()] = local ? rank.group() : rank.rank();
            if (rank.group() >= 0) {
                rankOfGroup[rank.group()] = rank.rank();
            }
        }
        Placement placement = plan.placement();
        int layers = plan.config().layers().size();
        serving = new int[layers][][];
        for (int layer = 0; layer < layers; layer++) {
            int experts = plan.config().layers().get(layer).routing().experts();
            serving[layer] = new int[experts + 1][plan.groups()];
            for (int expert = 0; expert <= experts; expert++) {
                for (int group = 0; group < plan.groups(); group++) {
                    List<Integer> holders =
                            local ? List.of() : placement.holders().get(layer).get(expert);
                    serving[layer][expert][group] = local
                            ? group
                            : holders.isEmpty() ? -1 : placement.rankFor(layer, expert, rankOfGroup[group], group);
                }
            }
        }
    }

    /** Number of groups of expert ranks. */
    int groups() {
        return groups;
    }

    /** The group of expert ranks that a rank is in. */
    int groupOf(int rank) {
        return groupOfRank[rank];
    }

    /** The group that serves an expert, the shared one last, for the rows of an attention group. */
    int serving(int layer, int expert, int attentionGroup) {
        return serving[layer][expert][attentionGroup];
    }
}
