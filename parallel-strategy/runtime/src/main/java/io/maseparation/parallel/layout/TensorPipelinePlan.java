package io.maseparation.parallel.layout;

import io.maseparation.moe.ModelConfig;
import io.maseparation.moe.segments.Part;
import io.maseparation.moe.segments.Shard;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Tensor × pipeline parallelism (Megatron-LM, arXiv 1909.08053 and 2104.04473), and with one rank the single device.
 * Rank = (copy * pp + stage) * tp + slice. Heads and expert widths are split over the slices of a stage, with an
 * all-reduce after attention and one after the experts; the vocabulary of the output projection is split over the last
 * stage. Copies have their own sequences and nothing to do with each other.
 */
final class TensorPipelinePlan {
    private TensorPipelinePlan() {}

    static Plan build(ModelConfig config, Setup setup, Layout.TensorPipeline layout) {
        int tp = layout.tensorParallel();
        int pp = layout.pipelineParallel();
        List<RankPlan> ranks = new ArrayList<>();
        for (int copy = 0; copy < layout.dataParallel(); copy++) {
            int base = copy * pp * tp;
            for (int stage = 0; stage < pp; stage++) {
                HeadGroup heads = new HeadGroup(config, RankLists.of(base + stage * tp, tp));
                List<List<Integer>> held = experts(config, first(config, stage, pp), first(config, stage + 1, pp));
                for (int slice = 0; slice < tp; slice++) {
                    ranks.add(rank(heads, pp, copy, stage, slice, held));
                }
            }
        }
        return new Plan(setup, config, ranks, Placement.none(), layout.dataParallel());
    }

    /** First layer of a stage. */
    private static int first(ModelConfig config, int stage, int pp) {
        return config.layers().size() * stage / pp;
    }

    private static List<List<Integer>> experts(ModelConfig config, int first, int end) {
        List<List<Integer>> held = new ArrayList<>();
        for (int layer = 0; layer < config.layers().size(); layer++) {
            boolean mine = layer >= first && layer < end;
            held.add(mine ? RankLists.of(0, config.layers().get(layer).routing().experts()) : List.of());
        }
        return held;
    }

    private static RankPlan rank(
            HeadGroup heads, int pp, int copy, int stage, int slice, List<List<Integer>> held) {
        ModelConfig config = heads.config();
        int tp = heads.slices();
        boolean firstStage = stage == 0;
        boolean lastStage = stage == pp - 1;
        int first = first(config, stage, pp);
        int end = first(config, stage + 1, pp);
        Shard shard = new Shard(
                first,
                end,
                Optional.of(heads.heads(slice)),
                Optional.of(new Shard.Experts(held, true, slice, tp)),
                firstStage,
                lastStage ? Optional.of(heads.vocabulary(slice)) : Optional.empty());
        int rank = heads.members().get(slice);
        int base = copy * pp * tp;
        ProgramBuilder program = new ProgramBuilder();
        if (firstStage) {
            HeadGroup.embed(program, rank, base + (pp - 1) * tp);
        } else {
            program.op(new Op.Recv(List.of(rank - tp), Tensor.HIDDEN, first));
            program.part(new Part.LoadHidden());
        }
        for (int layer = first; layer < end; layer++) {
            heads.attention(program, layer);
            program.part(new Part.Route(layer, false, false));
            program.part(new Part.Experts(layer, false, false));
            program.part(new Part.Combine(layer, false, heads.split()));
            if (heads.split()) {
                program.compute("experts" + layer);
                heads.reduceExperts(program, layer);
            }
        }
        // Where nothing is split, no transfer is between the layers, and all of this is one segment.
        if (lastStage) {
            heads.output(program, heads.split() ? "output" : "layers", slice, RankLists.of(base, tp));
        } else {
            program.part(new Part.StoreHidden());
            program.compute(heads.split() ? "stage" + stage : "layers");
            program.op(new Op.Send(List.of(rank + tp), Tensor.HIDDEN, end));
        }
        return new RankPlan(rank, Role.BOTH, shard, copy, program.segments, program.ops);
    }
}
