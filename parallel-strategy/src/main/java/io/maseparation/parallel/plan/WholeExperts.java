package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which expert group has which whole experts: contiguous, as even as possible shares, or as given; the extra expert in
 * every group, each for some rows.
 */
final class WholeExperts {
    private final ModelConfig config;
    private final int[][] groupOf;
    private final List<List<List<Integer>>> held;

    private WholeExperts(ModelConfig config, int[][] groupOf, int groups) {
        this.config = config;
        this.groupOf = groupOf;
        held = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            held.add(new ArrayList<>());
        }
        for (int[] layer : groupOf) {
            List<List<Integer>> ofLayer = new ArrayList<>();
            for (int group = 0; group < groups; group++) {
                ofLayer.add(new ArrayList<>());
            }
            for (int expert = 0; expert < layer.length; expert++) {
                ofLayer.get(layer[expert]).add(expert);
            }
            for (int group = 0; group < groups; group++) {
                held.get(group).add(List.copyOf(ofLayer.get(group)));
            }
        }
    }

    /** Complains of an option if a layer has fewer experts than there are groups. */
    static void check(ModelConfig config, int groups, String option) {
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int experts = config.layers().get(layer).routing().experts();
            if (experts > 0 && groups > experts) {
                throw new PlanException(
                        "%s is more than the %d experts of layer %d; whole experts need at most one rank each"
                                .formatted(option, experts, layer));
            }
        }
    }

    /**
     * Experts in groups.
     *
     * @param groups expert groups of a copy
     * @param given for each layer the group of each expert; otherwise even shares
     * @throws PlanException if what is given does not belong to this model and number of groups
     */
    static WholeExperts of(ModelConfig config, int groups, Optional<List<List<Integer>>> given) {
        int layers = config.layers().size();
        if (given.isPresent() && given.get().size() != layers) {
            throw new PlanException("expert_placement has %d layers, the model %d"
                    .formatted(given.get().size(), layers));
        }
        int[][] groupOf = new int[layers][];
        for (int layer = 0; layer < layers; layer++) {
            int experts = config.layers().get(layer).routing().experts();
            groupOf[layer] = given.isPresent()
                    ? checked(given.get().get(layer), layer, experts, groups)
                    : even(experts, groups);
        }
        return new WholeExperts(config, groupOf, groups);
    }

    private static int[] even(int experts, int groups) {
        int[] groupOf = new int[experts];
        for (int group = 0; group < groups; group++) {
            int end = (int) ((long) experts * (group + 1) / groups);
            for (int expert = (int) ((long) experts * group / groups); expert < end; expert++) {
                groupOf[expert] = group;
            }
        }
        return groupOf;
    }

    private static int[] checked(List<Integer> groupOf, int layer, int experts, int groups) {
        if (groupOf.size() != experts) {
            throw new PlanException("expert_placement names %d experts in layer %d, the model has %d"
                    .formatted(groupOf.size(), layer, experts));
        }
        for (int group : groupOf) {
            if (group < 0 || group >= groups) {
                throw new PlanException("expert_placement names expert group %d in layer %d, there are 0 to %d"
                        .formatted(group, layer, groups - 1));
            }
        }
        for (int group = 0; group < groups && experts > 0; group++) {
            if (!groupOf.contains(group)) {
                throw new PlanException("expert_placement leaves expert group %d without an expert in layer %d"
                        .formatted(group, layer));
            }
        }
        return groupOf.stream().mapToInt(g -> g).toArray();
    }

    /** What a rank of a group holds: slice {@code part} of {@code parts} of the width of the group's experts. */
    Shard.Experts share(int group, int part, int parts) {
        return new Shard.Experts(held.get(group), true, part, parts);
    }

    /**
     * The placement of these experts.
     *
     * @param slices ranks of an attention group
     * @param ranks ranks of each expert group, copy by copy
     * @param copyOf copy that each attention group goes to
     * @param copies number of copies
     */
    Placement placement(int slices, int[][] ranks, int[] copyOf, int copies) {
        boolean[] extra = new boolean[groupOf.length];
        for (int layer = 0; layer < extra.length; layer++) {
            extra[layer] = config.layers().get(layer).extraWidth() > 0;
        }
        return Placement.of(slices, ranks, copyOf, copies, groupOf, extra);
    }
}
