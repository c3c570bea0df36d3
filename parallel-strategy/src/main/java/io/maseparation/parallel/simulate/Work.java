package io.maseparation.parallel.simulate;

import io.maseparation.parallel.plan.Op;
import io.maseparation.parallel.plan.Tensor;
import java.util.List;

/** What the operations of a plan's programs cost: all that the engine needs to know beside the programs themselves. */
interface Work {

    /** A segment of a rank; {@link Duration#NONE} if it has no rows. */
    Duration compute(int rank, String segment, int microBatch, int step);

    /** Bytes of a message between two ranks. */
    double messageBytes(int from, int to, Tensor tensor, int layer, int microBatch, int step);

    /**
     * A collective, from the moment its last member has arrived.
     *
     * @param rank one of the members
     * @return seconds; negative if it has no rows, so that no member waits for it
     */
    double collectiveSeconds(int rank, Op op, List<Integer> group, int microBatch, int step);

    /** Bytes that a rank sends in a collective. */
    double collectiveBytes(int rank, Op op, List<Integer> group, int microBatch, int step);
}
