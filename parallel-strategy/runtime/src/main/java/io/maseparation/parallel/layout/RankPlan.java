package io.maseparation.parallel.layout;

import io.maseparation.moe.segments.Segment;
import io.maseparation.moe.segments.Shard;
import java.util.List;

/**
 * One rank of a plan.
 *
 * @param rank index
 * @param role what it computes
 * @param shard what of the model it holds
 * @param group which share of the sequences its rows belong to; -1 for a rank that only has experts
 * @param segments what its device can run
 * @param program the operations of one micro-batch and step, for decode and prefill alike
 */
public record RankPlan(int rank, Role role, Shard shard, int group, List<Segment> segments, List<Op> program) {
    /** Copies the lists. */
    public RankPlan {
        segments = List.copyOf(segments);
        program = List.copyOf(program);
    }
}
