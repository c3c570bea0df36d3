package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;

/** What the operations of a plan's programs cost: all that the engine needs to know beside the programs themselves. */
interface Work {

    /** A segment of a rank; {@link Duration#NONE} if it has no rows. */
    Duration compute(int rank, String segment, int microBatch, int step);

    /**
     * Bytes of the messages of one send.
     *
     * @param bytes filled with one number a receiver
     */
    void messageBytes(
            int from, List<Integer> to, Tensor tensor, int layer, int microBatch, int step, double[] bytes);

    /** Whether a collective of a rank has no rows, so that no member waits for it. */
    boolean skips(int rank, Op op, int microBatch, int step);

    /**
     * Seconds of a collective, from the moment its last member has arrived.
     *
     * @param group its members
     * @param devices devices of those; one list object a group
     */
    double collectiveSeconds(Op op, List<Integer> group, List<Integer> devices, int microBatch, int step);

    /** Bytes that a rank sends in a collective. */
    double collectiveBytes(int rank, Op op, List<Integer> group, int microBatch, int step);
}
