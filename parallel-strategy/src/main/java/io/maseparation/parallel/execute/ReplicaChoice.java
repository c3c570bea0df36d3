package io.maseparation.parallel.execute;

import io.maseparation.parallel.plan.Placement;
import java.util.Arrays;

/**
 * Which of an expert's replicas serves which row, by the rows that are really there: those of experts without replicas are
 * counted first, then each further row goes to the replica whose expert group has the fewest so far. A row's result is the
 * same on any of them.
 */
final class ReplicaChoice {
    private final Placement placement;
    private final int attentionGroup;
    private final boolean replicated;

    ReplicaChoice(Placement placement, int attentionGroup) {
        this.placement = placement;
        this.attentionGroup = attentionGroup;
        replicated = placement.replicated();
    }

    /**
     * Chooses for the rows of one micro-batch and layer.
     *
     * @param ids [rows, slots]: expert of each slot, negative for none
     * @param slots slots of a row
     * @return [rows, slots]: expert group of each slot, −1 for none
     */
    int[] assign(int layer, int[] ids, int slots) {
        int[] assigned = new int[ids.length];
        Arrays.fill(assigned, -1);
        int[] load = new int[placement.groups()];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] >= 0 && placement.replicas(layer, ids[i]) <= 1) {
                assigned[i] = placement.groupFor(layer, ids[i], attentionGroup, i / slots);
                count(load, assigned[i]);
            }
        }
        if (!replicated) {
            return assigned;
        }
        for (int i = 0; i < ids.length; i++) {
            int replicas = ids[i] < 0 ? 0 : placement.replicas(layer, ids[i]);
            if (replicas <= 1) {
                continue;
            }
            int best = -1;
            for (int turn = 0; turn < replicas; turn++) {
                // Attention groups begin with different replicas, so that they do not all favour the same.
                int group = placement.groupOfReplica(
                        layer, ids[i], attentionGroup, (attentionGroup + turn) % replicas);
                if (best < 0 || load[group] < load[best]) {
                    best = group;
                }
            }
            assigned[i] = best;
            count(load, best);
        }
        return assigned;
    }

    private static void count(int[] load, int group) {
        if (group >= 0) {
            load[group]++;
        }
    }
}
