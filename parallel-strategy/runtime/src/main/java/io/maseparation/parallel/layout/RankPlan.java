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

    /**
     * {@return another rank with the very same program}
     *
     * @param other its index
     * @param held what it holds
     * @param share which share of the sequences its rows belong to
     */
    RankPlan as(int other, Shard held, int share) {
        return new RankPlan(other, role, held, share, segments, program);
    }

    /**
     * {@return for each operation of the program, how many exchanges with ranks that do other work come before it} What
     * lies between two of them goes together: whoever is behind in these legs goes first, but within one whoever is
     * ahead, as that is what others wait for next. A rank with split heads would otherwise begin the attention of all
     * micro-batches before it sends the first one's rows to their experts.
     */
    public int[] legs() {
        int[] legs = new int[program.size()];
        int leg = 0;
        for (int i = 0; i < legs.length; i++) {
            legs[i] = leg;
            if (program.get(i) instanceof Op.Recv || program.get(i) instanceof Op.AllToAll) {
                leg++;
            }
        }
        return legs;
    }
}
