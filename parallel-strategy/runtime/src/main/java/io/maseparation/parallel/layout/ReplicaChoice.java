package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.balance.Dispatch;
import io.maseparation.parallel.balance.DispatchCost;
import io.maseparation.parallel.balance.ExpertPlacement;
import io.maseparation.parallel.balance.ReplicaDispatch;
import java.util.Arrays;

/**
 * Which of an expert's replicas serves which row, by the rows that are really there ({@link ReplicaDispatch}). Each
 * attention group decides for its own rows and assumes that the other groups' rows are distributed like its own. Where
 * reading experts takes the time, all groups keep to the same replica of each: rows that another group sends elsewhere
 * would make a second rank read the expert. A row's result is the same on any replica.
 */
public final class ReplicaChoice {
    /**
     * Operations that a device does in the time in which it reads a byte of weights: about that of recent GPUs. It is
     * the same for every device and every cluster, so that a simulation makes the choices that a run makes.
     */
    private static final double OPERATIONS_PER_BYTE = 200;

    private final Placement placement;
    private final int attentionGroup;
    /** By layer; null where no expert has replicas. */
    private final ReplicaDispatch[] dispatch;
    /** By layer: every expert whole on one rank, so that all ranks read equally many; the same for all groups. */
    private final Dispatch[] homes;

    private final int[] experts;

    /**
     * The choices of one attention group.
     *
     * @param config the model
     * @param placement which expert groups hold which experts
     * @param attentionGroup group whose rows are divided; −1 for a rank that has none
     */
    public ReplicaChoice(ModelConfig config, Placement placement, int attentionGroup) {
        this.placement = placement;
        this.attentionGroup = attentionGroup;
        dispatch = new ReplicaDispatch[config.layers().size()];
        homes = new Dispatch[dispatch.length];
        experts = config.layers().stream().mapToInt(l -> l.routing().experts()).toArray();
        // An expert rank has no rows of its own to divide.
        if (attentionGroup < 0 || !placement.experts().replicated()) {
            return;
        }
        for (int layer = 0; layer < dispatch.length; layer++) {
            ExpertGroups.Layer groups = placement.experts().layers().get(layer);
            if (groups.replicated()) {
                dispatch[layer] = new ReplicaDispatch(
                        places(groups, placement.groups() / placement.copies()),
                        cost(
                                config,
                                layer,
                                placement.attentionGroupsOf(placement.copyOf(attentionGroup))));
                int[] one = new int[groups.groupsOf().size()];
                Arrays.fill(one, 1);
                homes[layer] = dispatch[layer].decide(one);
            }
        }
    }

    private static ExpertPlacement places(ExpertGroups.Layer layer, int groups) {
        return new ExpertPlacement(
                layer.groupsOf().size(),
                layer.held(groups).stream()
                        .map(of -> of.stream().mapToInt(e -> e).toArray())
                        .toArray(int[][]::new));
    }

    /**
     * Costs in bytes: only their ratios matter.
     *
     * @param groups attention groups that each row stands for
     */
    private static DispatchCost cost(ModelConfig config, int layer, int groups) {
        long elements = (long) config.feedForward().matrices()
                * config.hidden()
                * config.layers().get(layer).expertWidth();
        return new DispatchCost(
                config.formats(layer).experts().bytes(elements),
                groups * 2.0 * Float.BYTES * config.hidden(),
                groups * 2.0 * elements / OPERATIONS_PER_BYTE);
    }

    /**
     * Chooses for the rows of one micro-batch and layer.
     *
     * @param layer index of the layer
     * @param ids [rows, slots]: expert of each slot, negative for none
     * @param slots slots of a row
     * @return [rows, slots]: expert group of each slot, −1 for none
     */
    public int[] assign(int layer, int[] ids, int slots) {
        int[] assigned = new int[ids.length];
        Arrays.fill(assigned, -1);
        ReplicaDispatch divide = dispatch[layer];
        if (divide == null) {
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] >= 0) {
                    assigned[i] = placement.groupFor(layer, ids[i], attentionGroup, i / slots);
                }
            }
            return assigned;
        }
        int[] tokens = new int[experts[layer]];
        for (int id : ids) {
            if (id >= 0 && id < tokens.length) {
                tokens[id]++;
            }
        }
        Dispatch decision = decision(layer, tokens);
        int firstGroup = placement.copyOf(attentionGroup) * (placement.groups() / placement.copies());
        int[] seen = new int[tokens.length];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] >= tokens.length) {
                assigned[i] = placement.groupFor(layer, ids[i], attentionGroup, i / slots);
            } else if (ids[i] >= 0) {
                assigned[i] = firstGroup + decision.rankOf(ids[i], seen[ids[i]]++);
            }
        }
        return assigned;
    }

    private Dispatch decision(int layer, int[] tokens) {
        if (placement.attentionGroupsOf(placement.copyOf(attentionGroup)) > 1) {
            Dispatch kept = dispatch[layer].keep(homes[layer], tokens);
            if (dispatch[layer].reads(kept)) {
                return kept;
            }
        }
        return dispatch[layer].decide(tokens);
    }
}
