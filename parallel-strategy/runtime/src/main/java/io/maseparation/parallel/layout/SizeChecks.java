package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import java.util.Map;

/** Complaints of sizes that do not go with each other or with a model; each names the size to change. */
final class SizeChecks {
    private SizeChecks() {}

    /** All sizes are counts, and there are not too many ranks. */
    static void ranks(Layout layout) {
        Map<LayoutSize, Integer> sizes = layout.sizes();
        for (LayoutSize size : LayoutSize.values()) {
            positive(size.id(), size.in(sizes));
        }
        if (layout.ranks() > Layout.MOST_RANKS) {
            throw new PlanException(
                    "the layout has more than %d ranks: lower its sizes".formatted(Layout.MOST_RANKS));
        }
    }

    static void positive(String name, int value) {
        if (value < 1) {
            throw new PlanException("'%s' must be at least 1, is %d".formatted(name, value));
        }
        if (value > Layout.MOST_RANKS) {
            throw new PlanException("'%s' must be at most %d, is %d".formatted(name, Layout.MOST_RANKS, value));
        }
    }

    static void divides(Layout layout, LayoutSize part, LayoutSize whole) {
        int parts = part.in(layout.sizes());
        int all = whole.in(layout.sizes());
        if (all % parts != 0) {
            throw new PlanException(
                    "%s %d does not divide %s %d".formatted(part.quoted(), parts, whole.quoted(), all));
        }
    }

    /** The copies of the experts have whole groups, and groups of attention that go to them. */
    static void copies(Layout.Separated layout) {
        int r = layout.expertReplicas();
        int t = layout.expertTensorParallel();
        int perCopy = layout.expertDevices() / r;
        if (perCopy % t != 0) {
            throw new PlanException("%s %d does not divide the %d expert devices%s".formatted(
                    LayoutSize.EXPERT_TENSOR_PARALLEL_SIZE.quoted(), t, perCopy, r == 1 ? "" : " of a copy"));
        }
        int groups = layout.attentionDevices() / layout.attentionTensorParallel();
        if (r > groups) {
            throw new PlanException(
                    "%s %d is more than the %d groups of attention devices, each of which goes to one copy"
                            .formatted(LayoutSize.EXPERT_REPLICAS.quoted(), r, groups));
        }
    }

    static void stages(ModelConfig config, int stages) {
        if (stages > config.layers().size()) {
            throw new PlanException("%s %d is more than the model's %d layers".formatted(
                    LayoutSize.PIPELINE_PARALLEL_SIZE.quoted(), stages, config.layers().size()));
        }
    }

    /** The attention heads can be split. */
    static void heads(ModelConfig config, int slices, LayoutSize size) {
        if (config.heads() % slices != 0) {
            throw new PlanException("%s %d does not divide the model's %d attention heads"
                    .formatted(size.quoted(), slices, config.heads()));
        }
        if (config.kvHeads() % slices != 0 && slices % config.kvHeads() != 0) {
            throw new PlanException("%s %d neither divides the model's %d key/value heads nor is a multiple of them"
                    .formatted(size.quoted(), slices, config.kvHeads()));
        }
        if (config.qkNorm() == QkNorm.WHOLE && slices > config.kvHeads()) {
            throw new PlanException(
                    "%s %d is more than the %d key/value heads, which a norm over all heads needs apart"
                            .formatted(size.quoted(), slices, config.kvHeads()));
        }
    }

    /** The width of the experts can be split. */
    static void width(ModelConfig config, int parts, LayoutSize size) {
        for (ModelConfig.Layer layer : config.layers()) {
            if (layer.expertWidth() % parts != 0) {
                throw new PlanException("%s %d does not divide the experts' width of %d"
                        .formatted(size.quoted(), parts, layer.expertWidth()));
            }
            if (layer.extraWidth() % parts != 0) {
                throw new PlanException("%s %d does not divide the feed-forward width of %d"
                        .formatted(size.quoted(), parts, layer.extraWidth()));
            }
        }
    }

    /** No layer has fewer experts than there are groups for them. */
    static void wholeExperts(ModelConfig config, int groups, String what) {
        for (int layer = 0; layer < config.layers().size(); layer++) {
            int experts = config.layers().get(layer).routing().experts();
            if (experts > 0 && groups > experts) {
                throw new PlanException(
                        "%s is more than the %d experts of layer %d; whole experts need at most one rank each"
                                .formatted(what, experts, layer));
            }
        }
    }
}
