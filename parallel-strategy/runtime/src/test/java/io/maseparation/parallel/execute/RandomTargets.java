package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelConfig;
import io.maseparation.parallel.change.LayoutPolicy;
import io.maseparation.parallel.layout.ExpertGroups;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Target;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;

/** Layouts that a run of strategy ma can go on with. */
public final class RandomTargets {
    private RandomTargets() {}

    static Layout.Separated ratio(SplittableRandom random, ModelConfig config, int ranks) {
        int most = Math.min(ranks - 1, Math.max(1, config.maxExperts()));
        int experts = 1 + random.nextInt(most);
        return Layout.separated(ranks - experts, experts);
    }

    /** Any ratio of so many ranks, any places of the experts, some in several, and any owners of the sequences. */
    public static Target target(
            SplittableRandom random, ModelConfig config, LayoutPolicy.LiveState state, int ranks) {
        Layout.Separated present = (Layout.Separated) state.plan().layout();
        Layout.Separated other = random.nextBoolean() ? present : ratio(random, config, ranks);
        Layout.Separated layout = present.withRatio(other.attentionDevices(), other.expertDevices());
        Target target = new Target(state.plan().setup().withLayout(layout), Optional.empty(), Optional.empty());
        if (random.nextInt(3) > 0) {
            target = target.withExperts(experts(random, config, layout.expertDevices()));
        }
        if (random.nextBoolean()) {
            target = target.withOwners(state.owners().stream()
                    .map(o -> random.nextInt(layout.attentionDevices()))
                    .toList());
        }
        return target;
    }

    private static ExpertGroups experts(SplittableRandom random, ModelConfig config, int groups) {
        List<ExpertGroups.Layer> layers = new ArrayList<>();
        for (ModelConfig.Layer layer : config.layers()) {
            List<List<Integer>> of = new ArrayList<>();
            for (int expert = 0; expert < layer.routing().experts(); expert++) {
                int first = expert < groups ? expert : random.nextInt(groups);
                List<Integer> places = new ArrayList<>();
                for (int group = 0; group < groups; group++) {
                    if (group == first || random.nextInt(4) == 0) {
                        places.add(group);
                    }
                }
                of.add(places);
            }
            Collections.shuffle(of, new Random(random.nextLong()));
            layers.add(new ExpertGroups.Layer(of));
        }
        return new ExpertGroups(layers);
    }
}
