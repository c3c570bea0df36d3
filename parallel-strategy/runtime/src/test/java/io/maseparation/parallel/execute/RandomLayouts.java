package io.maseparation.parallel.execute;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.parallel.layout.CombineMode;
import io.maseparation.parallel.layout.Dispatch;
import io.maseparation.parallel.layout.Layout;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Layouts that a model allows. */
final class RandomLayouts {
    private RandomLayouts() {}

    /** One whose sums are taken as on a single device: nothing split but the layers. */
    static Layout whole(RandomGenerator random, ModelConfig config) {
        int experts = Math.max(1, config.maxExperts());
        if (random.nextBoolean()) {
            int copies = 1 + random.nextInt(3);
            return byNode(random, Layout.separated(
                    copies + random.nextInt(3), copies * (1 + random.nextInt(Math.min(4, experts))))
                    .withExpertReplicas(copies));
        }
        return byNode(random, Layout.expertParallel(1 + random.nextInt(Math.min(5, experts)))
                .withDataParallel(1 + random.nextInt(2)));
    }

    /** One that splits heads, width, or the sum over a row's experts. */
    static Layout split(RandomGenerator random, ModelConfig config) {
        Layout layout = splitSizes(random, config);
        return layout.expertGroups() > 0 && random.nextBoolean() ? layout.withCombine(CombineMode.SUMS) : layout;
    }

    private static Layout splitSizes(RandomGenerator random, ModelConfig config) {
        int experts = Math.max(1, config.maxExperts());
        int heads = slices(random, config);
        return switch (random.nextInt(3)) {
            case 0 -> Layout.tensorPipeline(heads, 1 + random.nextInt(config.layers().size()))
                    .withDataParallel(1 + random.nextInt(2));
            case 1 -> {
                List<Integer> sizes = IntStream.rangeClosed(1, experts).filter(n -> n % heads == 0).boxed().toList();
                yield sizes.isEmpty()
                        ? Layout.expertParallel(1)
                        : byNode(random, Layout.expertParallel(sizes.get(random.nextInt(sizes.size())))
                                .withAttentionTensorParallel(heads)
                                .withDataParallel(1 + random.nextInt(2)));
            }
            default -> {
                int copies = 1 + random.nextInt(2);
                int parts = 1 << random.nextInt(3);
                yield byNode(random, Layout.separated(
                        heads * (copies + random.nextInt(2)),
                        copies * parts * (1 + random.nextInt(Math.min(3, experts))))
                        .withAttentionTensorParallel(heads)
                        .withExpertTensorParallel(parts)
                        .withExpertReplicas(copies));
            }
        };
    }

    /** Half of the time rows cross once to nodes that have any of the ranks each. */
    private static Layout byNode(RandomGenerator random, Layout layout) {
        int nodes = 1 + random.nextInt(4);
        return random.nextBoolean()
                ? layout
                : layout.withDispatch(Dispatch.byNode(layout.ranks(), rank -> random.nextInt(nodes)));
    }

    /** A number of slices that the heads can be split into. */
    private static int slices(RandomGenerator random, ModelConfig config) {
        int most = config.qkNorm() == QkNorm.WHOLE ? config.kvHeads() : config.heads();
        return Math.min(1 << random.nextInt(3), most);
    }
}
