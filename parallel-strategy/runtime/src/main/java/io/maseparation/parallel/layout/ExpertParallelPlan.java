package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Expert parallelism (GShard, arXiv 2006.16668): every rank has attention and some whole experts; an all-to-all carries
 * rows to their experts and another one back. Rank = (copy * groups + group) * slices + slice, where the slices of a
 * group split the attention heads and hold the same rows. The rail of a slice is the ranks of that slice in all groups
 * of a copy: they exchange the rows whose experts live on them, and an all-reduce over the group adds up what its rails
 * brought (the layout that DeepSpeed-MoE, arXiv 2201.05596, calls tensor slicing with expert parallelism). With one
 * slice attention is data-parallel; with one group the rail is the rank alone and nothing but all-reduces is left.
 */
final class ExpertParallelPlan {
    private ExpertParallelPlan() {}

    static Plan build(ModelConfig config, Setup setup, Layout.ExpertParallel layout, ExpertGroups experts) {
        int n = layout.expertParallel();
        int slices = layout.attentionTensorParallel();
        int copies = layout.dataParallel();
        List<Shard.Experts> shares = experts.shares(n);
        int groups = n / slices;
        List<RankPlan> ranks = new ArrayList<>();
        for (int copy = 0; copy < copies; copy++) {
            List<List<Integer>> rails = new ArrayList<>();
            for (int slice = 0; slice < slices; slice++) {
                rails.add(RankLists.every(copy * n + slice, slices, groups));
            }
            for (int group = 0; group < groups; group++) {
                HeadGroup heads = new HeadGroup(config, RankLists.of(copy * n + group * slices, slices));
                for (int slice = 0; slice < slices; slice++) {
                    ranks.add(rank(heads, slice, copy * groups + group, rails.get(slice),
                            shares.get(group * slices + slice)));
                }
            }
        }
        int[][] expertRanks = new int[copies * n][];
        int[] copyOf = new int[copies * groups];
        for (int rank = 0; rank < expertRanks.length; rank++) {
            expertRanks[rank] = new int[] {rank};
        }
        for (int group = 0; group < copyOf.length; group++) {
            copyOf[group] = group / groups;
        }
        Placement placement =
                new Placement(slices, expertRanks, copyOf, copies, experts, config.layers());
        return new Plan(setup, config, ranks, placement, copyOf.length);
    }

    private static RankPlan rank(
            HeadGroup heads, int slice, int group, List<Integer> rail, Shard.Experts experts) {
        ModelConfig config = heads.config();
        int rank = heads.members().get(slice);
        Shard shard = new Shard(
                0,
                config.layers().size(),
                Optional.of(heads.heads(slice)),
                Optional.of(experts),
                true,
                Optional.of(heads.vocabulary(slice)));
        ProgramBuilder program = new ProgramBuilder();
        HeadGroup.embed(program, rank, heads.sampler());
        for (int layer = 0; layer < config.layers().size(); layer++) {
            heads.attention(program, layer);
            program.part(new Part.Route(layer, true));
            program.compute((heads.split() ? "route" : "attention") + layer);
            program.op(new Op.AllToAll(rail, Tensor.DISPATCH, layer));
            program.part(new Part.Experts(layer, true));
            program.compute("experts" + layer);
            program.op(new Op.AllToAll(rail, Tensor.COMBINE, layer));
            program.part(new Part.Combine(layer, true, heads.split()));
            if (heads.split()) {
                program.compute("combine" + layer);
                heads.reduceExperts(program, layer);
            }
        }
        heads.output(program, slice, heads.members());
        return new RankPlan(rank, Role.BOTH, shard, group, program.segments, program.ops);
    }
}
