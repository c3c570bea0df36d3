package io.maseparation.parallel.layout;

import io.maseparation.files.Text;
import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Checks that sizes fit each other and a model; each message names the size to change. */
final class SizeChecks {
    private SizeChecks() {}

    /** All sizes are counts, and there are not too many ranks. */
    static void ranks(Layout layout) {
        Map<LayoutSize, Integer> sizes = layout.sizes();
        for (LayoutSize size : LayoutSize.values()) {
            count(size.id(), size.in(sizes), Layout.MOST_RANKS);
        }
        require(layout.ranks() <= Layout.MOST_RANKS, "the layout has more than %d ranks: lower %s", Layout.MOST_RANKS,
                Stream.of(LayoutSize.values())
                        .filter(size -> size.countsRanks() && size.in(sizes) > 1)
                        .map(LayoutSize::quoted)
                        .collect(Collectors.joining(" or ")));
    }

    /** A number of ranks that may be more than an int holds. */
    static int count(double ranks) {
        return (int) Math.max(0, ranks);
    }

    static void belongs(LayoutSize size, Strategy strategy) {
        if (!size.belongsTo(strategy)) {
            String owners = Stream.of(Strategy.values())
                    .filter(size::belongsTo)
                    .map(Strategy::id)
                    .collect(Collectors.joining(" or "));
            throw new PlanException("%s needs strategy %s, but the strategy is %s"
                    .formatted(size.quoted(), owners, strategy.id()));
        }
    }

    /**
     * Checks a condition.
     *
     * @param message what is wrong where it does not hold, for {@link String#format}
     */
    // The annotation that Error Prone suggests would be a dependency of what embeds this.
    @SuppressWarnings("AnnotateFormatMethod")
    static void require(boolean holds, String message, Object... values) {
        if (!holds) {
            throw new PlanException(message.formatted(values));
        }
    }

    static void atLeastOne(String name, int value) {
        require(value >= 1, "'%s' must be at least 1, is %d", name, value);
    }

    static void count(String name, int value, int most) {
        atLeastOne(name, value);
        require(value <= most, "'%s' must be at most %d, is %d", name, most, value);
    }

    static void divides(Layout layout, LayoutSize part, LayoutSize whole) {
        int parts = part.in(layout.sizes());
        int all = whole.in(layout.sizes());
        require(all % parts == 0, "%s %d does not divide %s %d", part.quoted(), parts, whole.quoted(), all);
    }

    /** The copies of the experts have whole groups, and groups of attention that go to them. */
    static void copies(Layout.Separated layout) {
        int r = layout.expertReplicas();
        int t = layout.expertTensorParallel();
        int perCopy = layout.expertDevices() / r;
        require(perCopy % t == 0, "%s %d does not divide the %s%s",
                LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE.quoted(), t, Text.count(perCopy, "expert device"),
                r == 1 ? "" : " of a copy");
        int groups = layout.attentionDevices() / layout.attentionTensorParallel();
        require(r <= groups, "%s %d is more than the %s of attention devices, each of which goes to one copy",
                LayoutSize.EXPERT_REPLICAS.quoted(), r, Text.count(groups, "group"));
    }

    static void stages(ModelConfig config, int stages) {
        require(stages <= config.layers().size(), "%s %d is more than the model's %s",
                LayoutSize.PIPELINE_PARALLEL_SIZE.quoted(), stages, Text.count(config.layers().size(), "layer"));
    }

    /** The attention heads can be split. */
    static void heads(ModelConfig config, int slices, LayoutSize size) {
        require(config.heads() % slices == 0, "%s %d does not divide the model's %s",
                size.quoted(), slices, Text.count(config.heads(), "attention head"));
        require(config.kvHeads() % slices == 0 || slices % config.kvHeads() == 0,
                "%s %d neither divides the model's %s nor is a multiple of that",
                size.quoted(), slices, Text.count(config.kvHeads(), "key/value head"));
        require(config.qkNorm() != QkNorm.WHOLE || slices <= config.kvHeads(),
                "%s %d is more than the %s, which a norm over all heads needs apart",
                size.quoted(), slices, Text.count(config.kvHeads(), "key/value head"));
    }

    /** The width of the experts can be split. */
    static void width(ModelConfig config, int parts, LayoutSize size) {
        for (ModelConfig.Layer layer : config.layers()) {
            require(layer.expertWidth() % parts == 0, "%s %d does not divide the experts' width of %d",
                    size.quoted(), parts, layer.expertWidth());
            require(layer.extraWidth() % parts == 0, "%s %d does not divide the feed-forward width of %d",
                    size.quoted(), parts, layer.extraWidth());
        }
    }

    /** No layer has fewer experts than there are groups for them. */
    static void wholeExperts(ModelConfig config, int groups, String what) {
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int experts = config.layers().get(layer).routing().experts();
            require(experts == 0 || groups <= experts,
                    "%s is more than the %s of layer %d; whole experts need at most one rank each",
                    what, Text.count(experts, "expert"), layer);
        }
    }
}
