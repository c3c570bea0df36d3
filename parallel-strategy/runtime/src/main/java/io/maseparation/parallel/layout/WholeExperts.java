package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which expert groups have which whole experts: contiguous, as even as possible shares, or as given, where an expert may
 * be in several groups; the extra expert in every group, each for some rows.
 */
final class WholeExperts {
    private final ModelConfig config;
    private final int[][][] groupsOf;
    private final List<List<List<Integer>>> held;

    private WholeExperts(ModelConfig config, int[][][] groupsOf, int groups) {
        this.config = config;
        this.groupsOf = groupsOf;
        held = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            held.add(new ArrayList<>());
        }
        for (int[][] layer : groupsOf) {
            List<List<Integer>> ofLayer = new ArrayList<>();
            for (int group = 0; group < groups; group++) {
                ofLayer.add(new ArrayList<>());
            }
            for (int expert = 0; expert < layer.length; expert++) {
                for (int group : layer[expert]) {
                    ofLayer.get(group).add(expert);
                }
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
     * @param given for each layer and expert its groups; otherwise even shares
     * @throws PlanException if what is given does not belong to this model and number of groups
     */
    static WholeExperts of(ModelConfig config, int groups, Optional<List<List<List<Integer>>>> given) {
        int layers = config.layers().size();
        if (given.isPresent() && given.get().size() != layers) {
            throw new PlanException("expert_placement has %d layers, the model %d"
                    .formatted(given.get().size(), layers));
        }
        int[][][] groupsOf = new int[layers][][];
        for (int layer = 0; layer < layers; layer++) {
            int experts = config.layers().get(layer).routing().experts();
            groupsOf[layer] = given.isPresent()
                    ? checked(given.get().get(layer), layer, experts, groups)
                    : even(experts, groups);
        }
        return new WholeExperts(config, groupsOf, groups);
    }

    private static int[][] even(int experts, int groups) {
        int[][] groupsOf = new int[experts][];
        for (int group = 0; group < groups; group++) {
            int end = (int) ((long) experts * (group + 1) / groups);
            for (int expert = (int) ((long) experts * group / groups); expert < end; expert++) {
                groupsOf[expert] = new int[] {group};
            }
        }
        return groupsOf;
    }

    private static int[][] checked(List<List<Integer>> groupsOf, int layer, int experts, int groups) {
        if (groupsOf.size() != experts) {
            throw new PlanException("expert_placement names %d experts in layer %d, the model has %d"
                    .formatted(groupsOf.size(), layer, experts));
        }
        boolean[] used = new boolean[groups];
        int[][] checked = new int[experts][];
        for (int expert = 0; expert < experts; expert++) {
            checked[expert] = groupsOf.get(expert).stream().mapToInt(g -> g).sorted().toArray();
            if (checked[expert].length == 0) {
                throw new PlanException("expert_placement leaves expert %d of layer %d without an expert group"
                        .formatted(expert, layer));
            }
            for (int i = 0; i < checked[expert].length; i++) {
                int group = checked[expert][i];
                if (group < 0 || group >= groups) {
                    throw new PlanException("expert_placement names expert group %d in layer %d, there are 0 to %d"
                            .formatted(group, layer, groups - 1));
                }
                if (i > 0 && group == checked[expert][i - 1]) {
                    throw new PlanException("expert_placement has expert %d of layer %d twice in expert group %d"
                            .formatted(expert, layer, group));
                }
                used[group] = true;
            }
        }
        for (int group = 0; group < groups && experts > 0; group++) {
            if (!used[group]) {
                throw new PlanException("expert_placement leaves expert group %d without an expert in layer %d"
                        .formatted(group, layer));
            }
        }
        return checked;
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
        boolean[] extra = new boolean[groupsOf.length];
        for (int layer = 0; layer < extra.length; layer++) {
            extra[layer] = config.layers().get(layer).extraWidth() > 0;
        }
        return Placement.of(slices, ranks, copyOf, copies, groupsOf, extra);
    }
}
