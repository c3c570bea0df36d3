package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * MA Separation: ranks 0 to A − 1 hold attention, embedding and output projection; ranks A to A + M − 1 hold experts.
 * Rows travel to their experts after each router and come back as one output a row and expert, so that the weighted sum
 * is taken in expert order where the row lives. With several micro-batches one is at the experts while another is at the
 * attention (ping-pong, MegaScale-Infer, arXiv 2504.02263).
 *
 * <p>Attention ranks are groups of g that split the heads and hold the same rows: rank = group * g + slice. Expert ranks
 * are r copies of all experts, each of E groups of t ranks that split the width of the group's experts: rank = A +
 * (copy * E + expert group) * t + part. Attention group G goes to copy G mod r, and its slice e mod g to expert group e
 * of it; with t > 1 that slice sends the row to all t ranks and adds up their answers in the order of the ranks. With
 * g = t = 1 no sum is split.
 */
final class MaSeparationPlan {
    private final ModelConfig config;
    private final int attention;
    private final int slices;
    private final int attentionGroups;
    private final int parts;
    private final int copies;
    private final int expertGroups;

    private MaSeparationPlan(ModelConfig config, StrategyOptions options) {
        this.config = config;
        attention = options.attentionDevices();
        slices = options.attentionTensorParallel();
        parts = options.expertTensorParallel();
        copies = options.expertReplicas();
        attentionGroups = attention / slices;
        expertGroups = options.expertDevices() / copies / parts;
    }

    static Plan build(ModelConfig config, StrategyOptions options, Optional<List<List<List<Integer>>>> given) {
        check(config, options);
        return new MaSeparationPlan(config, options).build(options, given);
    }

    private static void check(ModelConfig config, StrategyOptions options) {
        int attention = options.attentionDevices();
        int experts = options.expertDevices();
        int g = options.attentionTensorParallel();
        int t = options.expertTensorParallel();
        int r = options.expertReplicas();
        if (attention % g != 0) {
            throw new PlanException("--attention-tensor-parallel-size %d does not divide --attention-devices %d"
                    .formatted(g, attention));
        }
        if (experts % r != 0) {
            throw new PlanException("--expert-replicas %d does not divide --expert-devices %d".formatted(r, experts));
        }
        if (experts / r % t != 0) {
            throw new PlanException("--expert-tensor-parallel-size %d does not divide the %d expert devices%s"
                    .formatted(t, experts / r, r == 1 ? "" : " of a copy"));
        }
        if (r > attention / g) {
            throw new PlanException(
                    "--expert-replicas %d is more than the %d groups of attention devices, each of which goes to one copy"
                            .formatted(r, attention / g));
        }
        HeadGroup.check(config, g, "--attention-tensor-parallel-size");
        TensorPipelinePlan.checkWidth(config, t, "--expert-tensor-parallel-size");
        int groups = experts / r / t;
        WholeExperts.check(config, groups, r * t == 1
                ? "--expert-devices " + experts
                : "--expert-devices %d, %d groups a copy,".formatted(experts, groups));
    }

    private Plan build(StrategyOptions options, Optional<List<List<List<Integer>>>> given) {
        WholeExperts experts = WholeExperts.of(config, expertGroups, given);
        // What the slices of all groups that go to a copy have in common.
        List<List<List<Integer>>> servers = new ArrayList<>();
        List<List<List<Integer>>> askers = new ArrayList<>();
        int[][] expertRanks = new int[copies * expertGroups][parts];
        for (int copy = 0; copy < copies; copy++) {
            List<List<Integer>> serversOfSlice = new ArrayList<>();
            List<List<Integer>> askersOfSlice = new ArrayList<>();
            for (int slice = 0; slice < slices; slice++) {
                List<Integer> ranks = new ArrayList<>();
                for (int e = slice; e < expertGroups; e += slices) {
                    ranks.addAll(Ranges.of(expertRank(copy, e, 0), parts));
                }
                serversOfSlice.add(List.copyOf(ranks));
                int n = Math.ceilDiv(attentionGroups - copy, copies);
                askersOfSlice.add(Ranges.every(copy * slices + slice, copies * slices, n));
            }
            servers.add(serversOfSlice);
            askers.add(askersOfSlice);
        }
        List<RankPlan> ranks = new ArrayList<>();
        int[] copyOf = new int[attentionGroups];
        for (int group = 0; group < attentionGroups; group++) {
            copyOf[group] = group % copies;
            HeadGroup heads = new HeadGroup(config, Ranges.of(group * slices, slices));
            for (int slice = 0; slice < slices; slice++) {
                ranks.add(attentionRank(heads, slice, group, servers.get(copyOf[group]).get(slice)));
            }
        }
        for (int copy = 0; copy < copies; copy++) {
            for (int e = 0; e < expertGroups; e++) {
                for (int part = 0; part < parts; part++) {
                    int rank = expertRank(copy, e, part);
                    expertRanks[copy * expertGroups + e][part] = rank;
                    ranks.add(expertRank(
                            rank, experts.share(e, part, parts), askers.get(copy).get(e % slices)));
                }
            }
        }
        return new Plan(
                options, config, ranks, experts.placement(slices, expertRanks, copyOf, copies), attentionGroups);
    }

    private int expertRank(int copy, int expertGroup, int part) {
        return attention + (copy * expertGroups + expertGroup) * parts + part;
    }

    private RankPlan attentionRank(HeadGroup heads, int slice, int group, List<Integer> servers) {
        int rank = heads.members().get(slice);
        Shard shard = new Shard(
                0,
                config.layers().size(),
                Optional.of(heads.heads(slice)),
                Optional.empty(),
                true,
                Optional.of(heads.vocabulary(slice)));
        Chain chain = new Chain();
        HeadGroup.embed(chain, rank, heads.sampler());
        for (int layer = 0; layer < config.layers().size(); layer++) {
            heads.attention(chain, layer);
            chain.part(new Part.Route(layer, true));
            chain.compute((heads.split() ? "route" : "attention") + layer);
            // With fewer expert groups than slices, some slices have nothing to ask.
            if (!servers.isEmpty()) {
                chain.op(new Op.Send(servers, Tensor.DISPATCH, layer));
                chain.op(new Op.Recv(servers, Tensor.COMBINE, layer));
            }
            chain.part(new Part.Combine(layer, true, heads.split()));
            if (heads.split()) {
                chain.compute("combine" + layer);
                heads.reduceExperts(chain, layer);
            }
        }
        heads.output(chain, slice, heads.members());
        return new RankPlan(rank, Role.ATTENTION, shard, group, chain.segments, chain.ops);
    }

    private RankPlan expertRank(int rank, Shard.Experts experts, List<Integer> askers) {
        Shard shard = new Shard(
                0, config.layers().size(), Optional.empty(), Optional.of(experts), false, Optional.empty());
        Chain chain = new Chain();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            chain.op(new Op.Recv(askers, Tensor.DISPATCH, layer));
            chain.part(new Part.Experts(layer, true));
            chain.compute("experts" + layer);
            chain.op(new Op.Send(askers, Tensor.COMBINE, layer));
        }
        return new RankPlan(rank, Role.EXPERT, shard, -1, chain.segments, chain.ops);
    }
}
