package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * MA Separation: ranks 0 to A − 1 hold attention, embedding and output projection; ranks A to A + M − 1 hold experts.
 * Rows travel to their experts after each router and come back as one output per row and expert, so that the weighted
 * sum is taken in expert order where the row lives. With several micro-batches one is at the experts while another is
 * at the attention (ping-pong, MegaScale-Infer, arXiv 2504.02263).
 *
 * <p>Attention ranks are groups of g that split the heads and hold the same rows: rank = group * g + slice. Expert
 * ranks are r copies of all experts, each of E groups of t ranks that split the width of the group's experts: rank = A
 * + (copy * E + expert group) * t + part. Attention group G goes to copy G mod r, and its slice e mod g to expert group
 * e of it; with t > 1 that slice sends the row to all t ranks and adds up their answers in the order of the ranks. With
 * g = t = 1 no sum is split.
 *
 * <p>Where rows cross to a node once, a rank of experts forwards what it was sent from other nodes to its peers in its
 * own node before it computes. Outputs of single experts go back from where they were computed; sums go back the way
 * that the row came, added up where it entered the node.
 */
final class SeparatedPlan {
    private final ModelConfig config;
    private final int attention;
    private final int slices;
    private final int attentionGroups;
    private final int parts;
    private final int copies;
    private final int expertGroups;
    private final boolean sums;
    private final Dispatch dispatch;

    private SeparatedPlan(ModelConfig config, Layout.Separated layout) {
        this.config = config;
        attention = layout.attentionDevices();
        slices = layout.attentionTensorParallel();
        parts = layout.expertTensorParallel();
        copies = layout.expertReplicas();
        attentionGroups = attention / slices;
        expertGroups = layout.expertGroups();
        sums = layout.combine() == CombineMode.SUMS;
        dispatch = layout.dispatch();
    }

    static Plan build(ModelConfig config, Setup setup, Layout.Separated layout, ExpertGroups experts) {
        return new SeparatedPlan(config, layout).build(setup, experts);
    }

    private Plan build(Setup setup, ExpertGroups experts) {
        List<Shard.Experts> shares = experts.shares(expertGroups);
        // What the slices of all groups that go to a copy have in common.
        List<List<List<Integer>>> servers = new ArrayList<>();
        List<List<List<Integer>>> askers = new ArrayList<>();
        int[][] expertRanks = new int[copies * expertGroups][parts];
        Arrays.setAll(expertRanks, group -> IntStream.range(0, parts)
                .map(part -> expertRank(group / expertGroups, group % expertGroups, part))
                .toArray());
        for (int copy = 0; copy < copies; copy++) {
            List<List<Integer>> serversOfSlice = new ArrayList<>();
            List<List<Integer>> askersOfSlice = new ArrayList<>();
            for (int slice = 0; slice < slices; slice++) {
                List<Integer> ranks = new ArrayList<>();
                for (int e = slice; e < expertGroups; e += slices) {
                    ranks.addAll(RankLists.of(expertRank(copy, e, 0), parts));
                }
                serversOfSlice.add(List.copyOf(ranks));
                int n = Math.ceilDiv(attentionGroups - copy, copies);
                askersOfSlice.add(RankLists.every(copy * slices + slice, copies * slices, n));
            }
            servers.add(serversOfSlice);
            askers.add(askersOfSlice);
        }
        List<RankPlan> ranks = new ArrayList<>();
        int[] copyOf = new int[attentionGroups];
        for (int group = 0; group < attentionGroups; group++) {
            copyOf[group] = group % copies;
            if (slices == 1 && group >= copies) {
                // Without a group of its own to reduce in, a rank does what the one before it on the same copy does.
                RankPlan like = ranks.get(group - copies);
                ranks.add(like.as(group, like.shard(), group));
                continue;
            }
            HeadGroup heads = new HeadGroup(config, RankLists.of(group * slices, slices));
            for (int slice = 0; slice < slices; slice++) {
                List<Integer> asked = servers.get(copyOf[group]).get(slice);
                ranks.add(heads.exchangingRank(
                        slice, group, Role.ATTENTION, Optional.empty(), sums,
                        (program, layer) -> exchange(program, asked, layer)));
            }
        }
        Placement placement =
                new Placement(slices, expertRanks, copyOf, copies, experts, config.layers());
        NodeRoutes routes = new NodeRoutes(placement, dispatch);
        Map<Asked, RankPlan> known = new HashMap<>();
        for (int copy = 0; copy < copies; copy++) {
            for (int e = 0; e < expertGroups; e++) {
                for (int part = 0; part < parts; part++) {
                    int rank = expertRank(copy, e, part);
                    Shard.Experts share = new Shard.Experts(shares.get(e).perLayer(), true, part, parts);
                    List<Integer> asking = askers.get(copy).get(e % slices);
                    Shard shard = new Shard(
                            0, config.layers().size(), Optional.empty(), Optional.of(share), false, Optional.empty());
                    ranks.add(known.computeIfAbsent(
                            new Asked(copy, e % slices, routes.forwarding(rank, asking)),
                            asked -> expertRank(rank, shard, asking, asked.peers()))
                            .as(rank, shard, -1));
                }
            }
        }
        return new Plan(setup, config, ranks, placement, attentionGroups);
    }

    private int expertRank(int copy, int expertGroup, int part) {
        return attention + (copy * expertGroups + expertGroup) * parts + part;
    }

    private void exchange(ProgramBuilder program, List<Integer> servers, int layer) {
        // With fewer expert groups than slices, some slices have nothing to ask, and a sum of nothing.
        if (!servers.isEmpty()) {
            program.op(new Op.Send(servers, Tensor.DISPATCH, layer));
        }
        if (sums || !servers.isEmpty()) {
            program.op(new Op.Recv(servers, Tensor.COMBINE, layer));
        }
    }

    /** What the program of a rank of experts follows from: its copy, the slice that asks it and its peers. */
    private record Asked(int copy, int slice, Optional<List<Integer>> peers) {}

    private RankPlan expertRank(
            int rank, Shard shard, List<Integer> askers, Optional<List<Integer>> peers) {
        ProgramBuilder program = new ProgramBuilder();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            program.op(new Op.Recv(askers, Tensor.DISPATCH, layer));
            program.exchange(peers, Tensor.FORWARD, layer);
            program.part(new Part.Experts(layer, true, sums));
            program.compute("experts" + layer);
            if (sums) {
                program.exchange(peers, Tensor.GATHER, layer);
            }
            program.op(new Op.Send(askers, Tensor.COMBINE, layer));
        }
        return new RankPlan(rank, Role.EXPERT, shard, -1, program.segments, program.ops);
    }
}
