package io.maseparation.parallel.plan;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.Shard.Heads;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * MA Separation: ranks 0 to A − 1 each hold all of the attention, the embedding and the output projection, and have
 * their own sequences; ranks A to A + M − 1 hold whole experts. Rows travel to their experts after each router and come
 * back as one output a row and expert, so that the weighted sum is taken in expert order where the row lives. With
 * several micro-batches one is at the experts while another is at the attention (ping-pong, MegaScale-Infer, arXiv
 * 2504.02263).
 */
final class MaSeparationPlan {
    private MaSeparationPlan() {}

    static Plan build(ModelConfig config, StrategyOptions options) {
        int attention = options.attentionDevices();
        int experts = options.expertDevices();
        Planning.positive(attention, "--attention-devices");
        Planning.positive(experts, "--expert-devices");
        WholeExperts.check(config, experts, "--expert-devices");
        List<RankPlan> ranks = new ArrayList<>();
        for (int rank = 0; rank < attention; rank++) {
            ranks.add(attentionRank(config, rank, attention, experts));
        }
        for (int index = 0; index < experts; index++) {
            ranks.add(expertRank(config, index, attention, experts));
        }
        return new Plan(options, config, ranks, WholeExperts.placement(config, attention, experts), attention);
    }

    private static RankPlan attentionRank(ModelConfig config, int rank, int attention, int experts) {
        List<Integer> pool =
                IntStream.range(attention, attention + experts).boxed().toList();
        Shard shard = new Shard(
                0,
                config.layers().size(),
                Optional.of(Heads.slice(config, 0, 1)),
                Optional.empty(),
                true,
                Optional.of(new Shard.Vocabulary(0, config.vocab())));
        Chain chain = new Chain();
        chain.part(new Part.Embed());
        for (int layer = 0; layer < config.layers().size(); layer++) {
            chain.part(new Part.Attention(layer));
            chain.part(new Part.Route(layer, true));
            chain.compute("attention" + layer);
            chain.op(new Op.Send(pool, Tensor.DISPATCH, layer));
            chain.op(new Op.Recv(pool, Tensor.COMBINE, layer));
            chain.part(new Part.Combine(layer, true, false));
        }
        chain.part(new Part.Output());
        chain.compute("output");
        chain.op(new Op.Sample());
        return new RankPlan(rank, Role.ATTENTION, shard, rank, chain.segments, chain.ops);
    }

    private static RankPlan expertRank(ModelConfig config, int index, int attention, int experts) {
        List<Integer> pool = IntStream.range(0, attention).boxed().toList();
        Shard shard = new Shard(
                0,
                config.layers().size(),
                Optional.empty(),
                Optional.of(WholeExperts.share(config, index, experts)),
                false,
                Optional.empty());
        Chain chain = new Chain();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            chain.op(new Op.Recv(pool, Tensor.DISPATCH, layer));
            chain.part(new Part.Experts(layer, true));
            chain.compute("experts" + layer);
            chain.op(new Op.Send(pool, Tensor.COMBINE, layer));
        }
        return new RankPlan(attention + index, Role.EXPERT, shard, -1, chain.segments, chain.ops);
    }
}
