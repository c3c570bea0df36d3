package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.ModelConfig.QkNorm;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard.Heads;
import io.maseparation.moe.segments.Shard.Vocabulary;
import java.util.List;

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

    /**
     * Complains of an option if the heads cannot be split that way.
     *
     * @throws PlanException naming the option
     */
    static void check(ModelConfig config, int slices, String option) {
        if (config.heads() % slices != 0) {
            throw new PlanException("%s %d does not divide the model's %d attention heads"
                    .formatted(option, slices, config.heads()));
        }
        if (config.kvHeads() % slices != 0 && slices % config.kvHeads() != 0) {
            throw new PlanException("%s %d neither divides the model's %d key/value heads nor is a multiple of them"
                    .formatted(option, slices, config.kvHeads()));
        }
        if (config.qkNorm() == QkNorm.WHOLE && slices > config.kvHeads()) {
            throw new PlanException(
                    "%s %d is more than the %d key/value heads, which a norm over all heads needs apart"
                            .formatted(option, slices, config.kvHeads()));
        }
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
    void attention(Chain chain, int layer) {
        if (!split()) {
            chain.part(new Part.Attention(layer));
            return;
        }
        if (config.qkNorm() == QkNorm.WHOLE) {
            chain.part(new Part.AttentionSums(layer));
            chain.compute("sums" + layer);
            chain.op(new Op.AllReduce(members, Tensor.SUMS, layer));
            chain.part(new Part.AttentionRest(layer));
        } else {
            chain.part(new Part.Attention(layer));
        }
        chain.compute("attention" + layer);
        chain.op(new Op.AllReduce(members, Tensor.PARTIAL, 2 * layer));
        chain.part(new Part.AddReduced());
    }

    /** Sum of the members' partial outputs of the experts, after the segment that computed them. */
    void reduceExperts(Chain chain, int layer) {
        if (split()) {
            chain.op(new Op.AllReduce(members, Tensor.PARTIAL, 2 * layer + 1));
            chain.part(new Part.AddReduced());
        }
    }

    /** The tokens of the step become rows, on a rank that embeds them. */
    static void embed(Chain chain, int rank, int sampler) {
        if (rank != sampler) {
            chain.op(new Op.Recv(List.of(sampler), Tensor.TOKENS, 0));
        }
        chain.part(new Part.Embed());
    }

    /**
     * Logits of each member's slice of the vocabulary, gathered and sampled by the first, which tells those who embed.
     *
     * @param embedders ranks that embed the tokens, the sampler among them or not
     */
    void output(Chain chain, int slice, List<Integer> embedders) {
        chain.part(new Part.Output());
        chain.compute("output");
        if (slice > 0) {
            chain.op(new Op.Send(List.of(sampler()), Tensor.LOGITS, 0));
            return;
        }
        if (split()) {
            chain.op(new Op.Recv(members.subList(1, slices()), Tensor.LOGITS, 0));
        }
        chain.op(new Op.Sample());
        List<Integer> others = embedders.stream().filter(r -> r != sampler()).toList();
        if (!others.isEmpty()) {
            chain.op(new Op.Send(others, Tensor.TOKENS, 0));
        }
    }
}
