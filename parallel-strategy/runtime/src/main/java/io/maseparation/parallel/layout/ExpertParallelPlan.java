package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Expert parallelism (GShard, arXiv 2006.16668): every rank has attention and some whole experts; an all-to-all carries
 * rows to their experts and another one back. Rank = (copy * groups + group) * slices + slice, where the slices of a
 * group split the attention heads and hold the same rows. The rail of a slice is the ranks of that slice in all groups
 * of a copy: they exchange the rows whose experts live on them, and an all-reduce over the group adds up what its rails
 * brought (the layout that DeepSpeed-MoE, arXiv 2201.05596, calls tensor slicing with expert parallelism). With one
 * slice attention is data-parallel; with one group the rail is the rank alone and nothing but all-reduces is left.
 *
 * <p>Where rows cross to a node once, the ranks of a rail forward to each other in their node what the all-to-all
 * brought from other nodes, and with sums return those of these rows before the all-to-all back ({@link
 * SeparatedPlan}).
 */
final class ExpertParallelPlan {
    private ExpertParallelPlan() {}

    static Plan build(ModelConfig config, Setup setup, Layout.ExpertParallel layout, ExpertGroups experts) {
        int n = layout.expertParallel();
        int slices = layout.attentionTensorParallel();
        int copies = layout.dataParallel();
        boolean sums = layout.combine() == CombineMode.SUMS;
        List<Shard.Experts> shares = experts.shares(n);
        int groups = n / slices;
        int[][] expertRanks = new int[copies * n][];
        int[] copyOf = new int[copies * groups];
        Arrays.setAll(expertRanks, rank -> new int[] {rank});
        Arrays.setAll(copyOf, group -> group / groups);
        Placement placement =
                new Placement(slices, expertRanks, copyOf, copies, experts, config.layers());
        NodeRoutes routes = new NodeRoutes(placement, layout.dispatch());
        List<RankPlan> ranks = new ArrayList<>();
        for (int copy = 0; copy < copies; copy++) {
            List<List<Integer>> rails = new ArrayList<>();
            for (int slice = 0; slice < slices; slice++) {
                rails.add(RankLists.every(copy * n + slice, slices, groups));
            }
            for (int group = 0; group < groups; group++) {
                HeadGroup heads = new HeadGroup(config, RankLists.of(copy * n + group * slices, slices));
                for (int slice = 0; slice < slices; slice++) {
                    List<Integer> rail = rails.get(slice);
                    Optional<List<Integer>> peers = routes.forwarding(heads.members().get(slice), rail);
                    ranks.add(heads.exchangingRank(
                            slice,
                            copy * groups + group,
                            Role.BOTH,
                            Optional.of(shares.get(group * slices + slice)),
                            sums,
                            (program, layer) -> exchange(program, rail, peers, layer, sums)));
                }
            }
        }
        return new Plan(setup, config, ranks, placement, copyOf.length);
    }

    /** The rows of a layer to the experts on the ranks of a rail, and their answers back. */
    private static void exchange(
            ProgramBuilder program, List<Integer> rail, Optional<List<Integer>> peers, int layer, boolean sums) {
        program.op(new Op.AllToAll(rail, Tensor.DISPATCH, layer));
        program.exchange(peers, Tensor.FORWARD, layer);
        program.part(new Part.Experts(layer, true, sums));
        program.compute("experts" + layer);
        if (sums) {
            program.exchange(peers, Tensor.GATHER, layer);
        }
        program.op(new Op.AllToAll(rail, Tensor.COMBINE, layer));
    }
}
