package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Whole experts in contiguous, as even as possible shares; the extra expert on every rank, each for some rows. */
final class WholeExperts {
    private WholeExperts() {}

    static void check(ModelConfig config, int ranks, String option) {
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int experts = config.layers().get(layer).routing().experts();
            if (experts > 0 && ranks > experts) {
                throw new PlanException(
                        "%s %d is more than the %d experts of layer %d; whole experts need at most one rank each"
                                .formatted(option, ranks, experts, layer));
            }
        }
    }

    static Shard.Experts share(ModelConfig config, int index, int ranks) {
        List<List<Integer>> perLayer = new ArrayList<>();
        for (ModelConfig.Layer layer : config.layers()) {
            int experts = layer.routing().experts();
            perLayer.add(IntStream.range(experts * index / ranks, experts * (index + 1) / ranks)
                    .boxed()
                    .toList());
        }
        return new Shard.Experts(perLayer, true, 0, 1);
    }

    static Placement placement(ModelConfig config, int firstRank, int ranks) {
        List<Integer> all =
                IntStream.range(firstRank, firstRank + ranks).boxed().toList();
        List<List<List<Integer>>> holders = new ArrayList<>();
        for (ModelConfig.Layer layer : config.layers()) {
            int experts = layer.routing().experts();
            List<List<Integer>> ofLayer = new ArrayList<>();
            for (int index = 0; index < ranks; index++) {
                int count = experts * (index + 1) / ranks - experts * index / ranks;
                for (int i = 0; i < count; i++) {
                    ofLayer.add(List.of(firstRank + index));
                }
            }
            ofLayer.add(layer.extraWidth() > 0 ? all : List.of());
            holders.add(ofLayer);
        }
        return new Placement(holders);
    }
}
