package io.maseparation.parallel.execute;

import io.maseparation.kernels.Activation;
import io.maseparation.kernels.DataType;
import io.maseparation.kernels.Routing;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.Rope;
import io.maseparation.parallel.layout.Layout;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.PlanException;
import io.maseparation.parallel.layout.Planning;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** Small models of every kind the library knows. */
public final class TestModels {
    private TestModels() {}

    /** A random shape; every family's features appear. */
    public static ModelConfig random(RandomGenerator random) {
        int headDim = 2 * (1 + random.nextInt(8));
        int kvHeads = 1 << random.nextInt(3);
        int heads = kvHeads << random.nextInt(3);
        int hidden = 8 + random.nextInt(40);
        int experts = 1 + random.nextInt(9);
        int topK = 1 + random.nextInt(Math.min(4, experts));
        int width = 4 * (1 + random.nextInt(9));
        Routing.Rule rule = random.nextBoolean() ? Routing.Rule.SOFTMAX_THEN_TOP_K : Routing.Rule.TOP_K_THEN_SOFTMAX;
        boolean renormalise = random.nextBoolean();
        Routing.Extra extra = Routing.Extra.values()[random.nextInt(3)];
        int extraWidth = 4 * (1 + random.nextInt(9));
        List<ModelConfig.Layer> layers = new ArrayList<>();
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            int window = random.nextInt(4) == 0 ? 1 + random.nextInt(8) : 0;
            if (random.nextInt(5) == 0) {
                Routing dense = new Routing(0, 0, rule, false, Routing.Extra.ALWAYS);
                layers.add(new ModelConfig.Layer(dense, 0, extraWidth, window));
            } else {
                Routing routing = new Routing(experts, topK, rule, renormalise, extra);
                layers.add(new ModelConfig.Layer(
                        routing, width, extra == Routing.Extra.NONE ? 0 : extraWidth, window));
            }
        }
        boolean gated = random.nextBoolean();
        // Drawn in this order, so that a seed gives the model that it always gave.
        int vocab = 20 + random.nextInt(60);
        ModelConfig.Attention attention = new ModelConfig.Attention(
                new ModelConfig.Heads(heads, kvHeads, headDim),
                256,
                new Rope(10_000, 1),
                (float) (1 / Math.sqrt(headDim)),
                QkNorm.values()[random.nextInt(3)],
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextInt(4) == 0 ? 0.5f : 0f);
        float embedding = random.nextInt(3) == 0 ? 2f : 1f;
        float residual = random.nextInt(3) == 0 ? 0.5f : 1f;
        float logits = random.nextInt(3) == 0 ? 0.25f : 1f;
        boolean tied = random.nextInt(3) == 0;
        DataType type = DataType.values()[random.nextInt(3)];
        return new ModelConfig(
                "random",
                "preset",
                hidden,
                new ModelConfig.Vocabulary(vocab, tied, List.of()),
                attention,
                new ModelConfig.FeedForward(gated ? Activation.SILU : Activation.GELU_TANH, gated),
                new ModelConfig.Numerics(type, 1e-5f, embedding, residual, logits),
                layers);
    }

    /** Random prompts of uneven length. */
    static List<int[]> prompts(RandomGenerator random, ModelConfig config, int n, int longest) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            prompts.add(random.ints(1 + random.nextInt(longest), 0, config.vocab()).toArray());
        }
        return prompts;
    }

    /**
     * A random model under a layout, with heads and widths split or not; empty where the model does not allow the one
     * drawn.
     */
    public static Optional<Plan> plan(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ModelConfig config = random(random);
        int slices = 1 << random.nextInt(2);
        Layout layout =
                switch (random.nextInt(4)) {
                    case 0 -> Layout.single();
                    case 1 -> Layout.tensorPipeline(
                            slices, 1 + random.nextInt(config.layers().size()));
                    case 2 -> Layout.expertParallel(slices).withAttentionTensorParallel(slices);
                    default -> Layout.separated(2 * slices, 2)
                            .withAttentionTensorParallel(slices)
                            .withExpertTensorParallel(2);
                };
        try {
            return Optional.of(Planning.plan(config, layout));
        } catch (PlanException e) {
            return Optional.empty();
        }
    }
}
