package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.Shard.Heads;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Tensor × pipeline parallelism (Megatron-LM, arXiv 1909.08053 and 2104.04473), and with one rank the single device.
 * Rank = stage * tp + slice. Heads and expert widths are split over the slices of a stage, with an all-reduce after
 * attention and one after the experts; the vocabulary of the output projection is split over the last stage.
 */
final class TensorPipelinePlan {
    private TensorPipelinePlan() {}

    static Plan build(ModelConfig config, StrategyOptions options) {
        boolean single = options.strategy() == Strategy.SINGLE;
        int tp = single ? 1 : options.tensorParallel();
        int pp = single ? 1 : options.pipelineParallel();
        check(config, tp, pp);
        int layers = config.layers().size();
        List<RankPlan> ranks = new ArrayList<>();
        for (int stage = 0; stage < pp; stage++) {
            int first = layers * stage / pp;
            int end = layers * (stage + 1) / pp;
            for (int slice = 0; slice < tp; slice++) {
                ranks.add(rank(config, tp, pp, stage, slice, first, end));
            }
        }
        return new Plan(options, config, ranks, new Placement(List.of()), 1);
    }

    private static void check(ModelConfig config, int tp, int pp) {
        Planning.positive(tp, "--tensor-parallel-size");
        Planning.positive(pp, "--pipeline-parallel-size");
        if (pp > config.layers().size()) {
            throw new PlanException("--pipeline-parallel-size %d is more than the model's %d layers"
                    .formatted(pp, config.layers().size()));
        }
        if (config.heads() % tp != 0) {
            throw new PlanException("--tensor-parallel-size %d does not divide the model's %d attention heads"
                    .formatted(tp, config.heads()));
        }
        if (config.kvHeads() % tp != 0 && tp % config.kvHeads() != 0) {
            throw new PlanException(
                    "--tensor-parallel-size %d neither divides the model's %d key/value heads nor is a multiple of them"
                            .formatted(tp, config.kvHeads()));
        }
        if (config.qkNorm() == QkNorm.WHOLE && tp > config.kvHeads()) {
            throw new PlanException(
                    "--tensor-parallel-size %d is more than the %d key/value heads, which a norm over all heads needs apart"
                            .formatted(tp, config.kvHeads()));
        }
        for (ModelConfig.Layer layer : config.layers()) {
            if (layer.expertWidth() % tp != 0) {
                throw new PlanException("--tensor-parallel-size %d does not divide the experts' width of %d"
                        .formatted(tp, layer.expertWidth()));
            }
            if (layer.extraWidth() % tp != 0) {
                throw new PlanException("--tensor-parallel-size %d does not divide the feed-forward width of %d"
                        .formatted(tp, layer.extraWidth()));
            }
        }
    }

    private static RankPlan rank(ModelConfig config, int tp, int pp, int stage, int slice, int first, int end) {
        boolean firstStage = stage == 0;
        boolean lastStage = stage == pp - 1;
        int vocab = config.vocab();
        List<List<Integer>> held = new ArrayList<>();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            boolean mine = layer >= first && layer < end;
            int experts = config.layers().get(layer).routing().experts();
            held.add(mine ? IntStream.range(0, experts).boxed().toList() : List.of());
        }
        Shard shard = new Shard(
                first,
                end,
                Optional.of(Heads.slice(config, slice, tp)),
                Optional.of(new Shard.Experts(held, true, slice, tp)),
                firstStage,
                lastStage
                        ? Optional.of(new Shard.Vocabulary(
                                (int) ((long) vocab * slice / tp), (int) ((long) vocab * (slice + 1) / tp)))
                        : Optional.empty());
        int rank = stage * tp + slice;
        List<Integer> group = IntStream.range(stage * tp, (stage + 1) * tp).boxed().toList();
        Chain chain = new Chain();
        int sampler = (pp - 1) * tp;
        if (firstStage) {
            if (rank != sampler) {
                chain.op(new Op.Recv(List.of(sampler), Tensor.TOKENS, 0));
            }
            chain.part(new Part.Embed());
        } else {
            chain.op(new Op.Recv(List.of(rank - tp), Tensor.HIDDEN, first));
            chain.part(new Part.LoadHidden());
        }
        for (int layer = first; layer < end; layer++) {
            layer(config, chain, layer, tp, group);
        }
        if (lastStage) {
            chain.part(new Part.Output());
            chain.compute("output");
            if (slice == 0) {
                if (tp > 1) {
                    chain.op(new Op.Recv(group.subList(1, tp), Tensor.LOGITS, 0));
                }
                chain.op(new Op.Sample());
                List<Integer> embedders =
                        IntStream.range(0, tp).filter(r -> r != sampler).boxed().toList();
                if (!embedders.isEmpty()) {
                    chain.op(new Op.Send(embedders, Tensor.TOKENS, 0));
                }
            } else {
                chain.op(new Op.Send(List.of(sampler), Tensor.LOGITS, 0));
            }
        } else {
            chain.part(new Part.StoreHidden());
            chain.compute("stage" + stage);
            chain.op(new Op.Send(List.of(rank + tp), Tensor.HIDDEN, end));
        }
        return new RankPlan(rank, Role.BOTH, shard, 0, chain.segments, chain.ops);
    }

    private static void layer(ModelConfig config, Chain chain, int layer, int tp, List<Integer> group) {
        boolean split = tp > 1;
        if (!split) {
            chain.part(new Part.Attention(layer));
        } else if (config.qkNorm() == QkNorm.WHOLE) {
            chain.part(new Part.AttentionSums(layer));
            chain.compute("sums" + layer);
            chain.op(new Op.AllReduce(group, Tensor.SUMS, layer));
            chain.part(new Part.AttentionRest(layer));
            chain.compute("attention" + layer);
            chain.op(new Op.AllReduce(group, Tensor.PARTIAL, 2 * layer));
            chain.part(new Part.AddReduced());
        } else {
            chain.part(new Part.Attention(layer));
            chain.compute("attention" + layer);
            chain.op(new Op.AllReduce(group, Tensor.PARTIAL, 2 * layer));
            chain.part(new Part.AddReduced());
        }
        chain.part(new Part.Route(layer, false));
        chain.part(new Part.Experts(layer, false));
        chain.part(new Part.Combine(layer, false, split));
        chain.compute((split ? "experts" : "layer") + layer);
        if (split) {
            chain.op(new Op.AllReduce(group, Tensor.PARTIAL, 2 * layer + 1));
            chain.part(new Part.AddReduced());
        }
    }
}
