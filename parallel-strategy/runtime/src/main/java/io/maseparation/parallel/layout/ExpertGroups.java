package io.maseparation.parallel.layout;

import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which expert groups hold which routed experts, in every copy of the experts alike.
 *
 * @param layers by layer
 */
public record ExpertGroups(List<Layer> layers) {
    /** Copies the list. */
    public ExpertGroups {
        layers = List.copyOf(layers);
    }

    /**
     * The experts of one layer.
     *
     * @param groupsOf for each expert the groups that hold it, ascending; several where it has replicas
     */
    public record Layer(List<List<Integer>> groupsOf) {
        /** Copies the lists, groups in ascending order. */
        public Layer {
            groupsOf = groupsOf.stream()
                    .map(groups -> groups.size() == 1
                            ? List.copyOf(groups)
                            : groups.stream().sorted().toList())
                    .toList();
        }

        /**
         * {@return experts that are in one group each}
         *
         * @param groupOf for each expert its group
         */
        public static Layer of(List<Integer> groupOf) {
            return new Layer(groupOf.stream().map(List::of).toList());
        }

        /** Contiguous shares, as even as possible. */
        static Layer even(int experts, int groups) {
            List<List<Integer>> groupsOf = new ArrayList<>();
            for (int group = 0; group < groups; group++) {
                int end = (int) ((long) experts * (group + 1) / groups);
                groupsOf.addAll(Collections.nCopies(end - groupsOf.size(), List.of(group)));
            }
            return new Layer(groupsOf);
        }

        /** {@return the group of each expert, the first where there are several} */
        public List<Integer> firstGroups() {
            return groupsOf.stream().map(List::getFirst).toList();
        }

        /** {@return whether any expert has replicas} */
        public boolean replicated() {
            return groupsOf.stream().anyMatch(groups -> groups.size() > 1);
        }

        /**
         * {@return the experts that each of so many groups holds, ascending}
         *
         * @param groups number of groups
         */
        public List<List<Integer>> held(int groups) {
            List<List<Integer>> held = RankLists.empty(groups);
            for (int expert = 0; expert < groupsOf.size(); expert++) {
                for (int group : groupsOf.get(expert)) {
                    held.get(group).add(expert);
                }
            }
            return held;
        }

        private void check(int layer, int experts, int groups) {
            SizeChecks.require(groupsOf.size() == experts,
                    "expert_placement names %s in layer %d, the model has %d",
                    Text.count(groupsOf.size(), "expert"), layer, experts);
            boolean[] used = new boolean[groups];
            for (int expert = 0; expert < experts; expert++) {
                List<Integer> of = groupsOf.get(expert);
                SizeChecks.require(!of.isEmpty(),
                        "expert_placement leaves expert %d of layer %d without an expert group", expert, layer);
                for (int i = 0; i < of.size(); i++) {
                    int group = of.get(i);
                    SizeChecks.require(group >= 0 && group < groups,
                            "expert_placement names expert group %d in layer %d, there are 0 to %d",
                            group, layer, groups - 1);
                    SizeChecks.require(i == 0 || group != of.get(i - 1),
                            "expert_placement has expert %d of layer %d twice in expert group %d",
                            expert, layer, group);
                    used[group] = true;
                }
            }
            for (int group = 0; group < groups && experts > 0; group++) {
                SizeChecks.require(used[group],
                        "expert_placement leaves expert group %d without an expert in layer %d", group, layer);
            }
        }
    }

    /**
     * {@return experts that are in one group each}
     *
     * @param groupOf for each layer the group of each expert
     */
    public static ExpertGroups of(List<List<Integer>> groupOf) {
        return new ExpertGroups(groupOf.stream().map(Layer::of).toList());
    }

    /** Contiguous shares of each layer's experts, as even as possible. */
    static ExpertGroups even(ModelConfig config, int groups) {
        // Layers of as many experts are one: searches make thousands of plans.
        Map<Integer, Layer> known = new HashMap<>();
        return new ExpertGroups(experts(config)
                .map(n -> known.computeIfAbsent(n, e -> Layer.even(e, groups)))
                .toList());
    }

    private static Stream<Integer> experts(ModelConfig config) {
        return config.layers().stream().map(l -> l.routing().experts());
    }

    /**
     * Checks that these are the experts of a model, in so many groups.
     *
     * @throws PlanException saying what does not belong there
     */
    void check(ModelConfig config, int groups) {
        List<Integer> experts = experts(config).toList();
        SizeChecks.require(layers.size() == experts.size(),
                "expert_placement has %s, the model %d", Text.count(layers.size(), "layer"), experts.size());
        for (int layer = 0; layer < experts.size(); layer++) {
            layers.get(layer).check(layer, experts.get(layer), groups);
        }
    }

    /** {@return for each layer the group of each expert, the first where there are several} */
    public List<List<Integer>> firstGroups() {
        return layers.stream().map(Layer::firstGroups).toList();
    }

    /** {@return whether any expert has replicas} */
    public boolean replicated() {
        return layers.stream().anyMatch(Layer::replicated);
    }

    /** What each of so many groups holds, in full width, the extra expert included. */
    List<Shard.Experts> shares(int groups) {
        // Layers are mostly one and the same: searches make thousands of plans.
        IdentityHashMap<Layer, List<List<Integer>>> held = new IdentityHashMap<>();
        List<List<List<Integer>>> byLayer = layers.stream()
                .map(layer -> held.computeIfAbsent(
                        layer, l -> l.held(groups).stream().map(List::copyOf).toList()))
                .toList();
        return IntStream.range(0, groups)
                .mapToObj(group -> new Shard.Experts(
                        byLayer.stream().map(l -> l.get(group)).toList(), true, 0, 1))
                .toList();
    }
}
