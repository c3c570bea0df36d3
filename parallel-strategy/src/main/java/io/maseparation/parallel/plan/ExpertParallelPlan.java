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
 * Expert parallelism (GShard, arXiv 2006.16668) with data-parallel attention: every rank has all of the attention, its
 * own sequences and some whole experts; an all-to-all carries rows to their experts and another one back.
 */
final class ExpertParallelPlan {
    private ExpertParallelPlan() {}

    static Plan build(ModelConfig config, StrategyOptions options) {
        int n = options.expertParallel();
        Planning.positive(n, "--expert-parallel-size");
        WholeExperts.check(config, n, "--expert-parallel-size");
        List<Integer> all = IntStream.range(0, n).boxed().toList();
        List<RankPlan> ranks = new ArrayList<>();
        for (int rank = 0; rank < n; rank++) {
            Shard shard = new Shard(
                    0,
                    config.layers().size(),
                    Optional.of(Heads.slice(config, 0, 1)),
                    Optional.of(WholeExperts.share(config, rank, n)),
                    true,
                    Optional.of(new Shard.Vocabulary(0, config.vocab())));
            Chain chain = new Chain();
            chain.part(new Part.Embed());
            for (int layer = 0; layer < config.layers().size(); layer++) {
                chain.part(new Part.Attention(layer));
                chain.part(new Part.Route(layer, true));
                chain.compute("attention" + layer);
                chain.op(new Op.AllToAll(all, Tensor.DISPATCH, layer));
                chain.part(new Part.Experts(layer, true));
                chain.compute("experts" + layer);
                chain.op(new Op.AllToAll(all, Tensor.COMBINE, layer));
                chain.part(new Part.Combine(layer, true, false));
            }
            chain.part(new Part.Output());
            chain.compute("output");
            chain.op(new Op.Sample());
            ranks.add(new RankPlan(rank, Role.BOTH, shard, rank, chain.segments, chain.ops));
        }
        return new Plan(options, config, ranks, WholeExperts.placement(config, 0, n), n);
    }
}
