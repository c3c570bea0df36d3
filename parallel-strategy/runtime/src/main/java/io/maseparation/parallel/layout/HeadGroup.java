package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import io.maseparation.moe.segments.Shard.Heads;
import io.maseparation.moe.segments.Shard.Vocabulary;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Ranks that hold the same rows and split the attention heads (Megatron-LM, arXiv 1909.08053), with an all-reduce after
 * attention, and where they end the model the vocabulary too. A group of one rank splits nothing.
 *
 * @param config model
 * @param members ranks by slice
 */
record HeadGroup(ModelConfig config, List<Integer> members) {
    HeadGroup {
        members = List.copyOf(members);
    }

    int slices() {
        return members.size();
    }

    boolean split() {
        return slices() > 1;
    }

    /** The rank that samples, and knows the tokens first. */
    int sampler() {
        return members.getFirst();
    }

    Heads heads(int slice) {
        return Heads.slice(config, slice, slices());
    }

    Vocabulary vocabulary(int slice) {
        long vocab = config.vocab();
        return new Vocabulary((int) (vocab * slice / slices()), (int) (vocab * (slice + 1) / slices()));
    }

    /** Attention of a layer, up to where its sum is in the residual stream of every member. */
    void attention(ProgramBuilder program, int layer) {
        if (!split()) {
            program.part(new Part.Attention(layer));
            return;
        }
        if (config.qkNorm() == QkNorm.WHOLE) {
            program.part(new Part.AttentionSums(layer));
            program.compute("sums" + layer);
            program.op(new Op.AllReduce(members, Tensor.SUMS, layer));
            program.part(new Part.AttentionRest(layer));
        } else {
            program.part(new Part.Attention(layer));
        }
        program.compute("attention" + layer);
        program.op(new Op.AllReduce(members, Tensor.PARTIAL, 2 * layer));
        program.part(new Part.AddReduced());
    }

    /** Sum of the members' partial outputs of the experts, after the segment that computed them. */
    void reduceExperts(ProgramBuilder program, int layer) {
        if (split()) {
            program.op(new Op.AllReduce(members, Tensor.PARTIAL, 2 * layer + 1));
            program.part(new Part.AddReduced());
        }
    }

    /**
     * A rank with attention in all layers that exchanges its rows with the ranks of their experts.
     *
     * @param group group that the rank's rows belong to
     * @param experts of the rank itself, if it has any
     * @param sums whether the answers are sums
     * @param exchange adds to a program what brings a layer's rows to their experts and the answers back
     */
    RankPlan exchangingRank(
            int slice, int group, Role role, Optional<Shard.Experts> experts, boolean sums,
            BiConsumer<ProgramBuilder, Integer> exchange) {
        int layers = config.layers().size();
        Shard shard = new Shard(
                0, layers, Optional.of(heads(slice)), experts, true, Optional.of(vocabulary(slice)));
        ProgramBuilder program = new ProgramBuilder();
        embed(program, members.get(slice), sampler());
        for (int layer = 0; layer < layers; layer++) {
            attention(program, layer);
            program.part(new Part.Route(layer, true, sums));
            program.compute((split() ? "route" : "attention") + layer);
            exchange.accept(program, layer);
            if (!sums) {
                program.part(new Part.Combine(layer, true, split()));
                if (split()) {
                    program.compute("combine" + layer);
                }
            }
            if (split()) {
                reduceExperts(program, layer);
            } else if (sums) {
                program.part(new Part.AddReduced());
            }
        }
        output(program, "output", slice, members);
        return new RankPlan(members.get(slice), role, shard, group, program.segments, program.ops);
    }

    /** The tokens of the step become rows, on a rank that embeds them. */
    static void embed(ProgramBuilder program, int rank, int sampler) {
        if (rank != sampler) {
            program.op(new Op.Recv(List.of(sampler), Tensor.TOKENS, 0));
        }
        program.part(new Part.Embed());
    }

    /**
     * Logits of each member's slice of the vocabulary, gathered and sampled by the first, which tells those who embed.
     *
     * @param segment name of the segment that ends with them
     * @param embedders ranks that embed the tokens, the sampler among them or not
     */
    void output(ProgramBuilder program, String segment, int slice, List<Integer> embedders) {
        program.part(new Part.Output());
        program.compute(segment);
        if (slice > 0) {
            program.op(new Op.Send(List.of(sampler()), Tensor.LOGITS, 0));
            return;
        }
        if (split()) {
            program.op(new Op.Recv(members.subList(1, slices()), Tensor.LOGITS, 0));
        }
        program.op(new Op.Sample());
        List<Integer> others = embedders.stream().filter(r -> r != sampler()).toList();
        if (!others.isEmpty()) {
            program.op(new Op.Send(others, Tensor.TOKENS, 0));
        }
    }
}
