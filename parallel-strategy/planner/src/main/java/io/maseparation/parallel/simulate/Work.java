package io.maseparation.parallel.simulate;

import io.maseparation.parallel.layout.Op;
import io.maseparation.parallel.layout.Tensor;
import java.util.List;

/** What the operations of a plan's programs cost: all that the engine needs to know beside the programs themselves. */
interface Work {

    /** A segment of a rank; {@link TaskCost#NONE} if it has no rows. */
    TaskCost compute(int rank, String segment, int microBatch, int step);

    /**
     * Bytes of the messages of one send.
     *
     * @param bytes filled with one number per receiver
     */
    void messageBytes(
            int from, int[] to, Tensor tensor, int layer, int microBatch, int step, double[] bytes);

    /** Whether a collective of a rank has no rows, so that no member waits for it. */
    boolean skips(int rank, Op.Collective op, int microBatch, int step);

    /**
     * Seconds of a collective, from the moment its last member has arrived.
     *
     * @param devices devices of its members; one list object per group
     */
    double collectiveSeconds(Op.Collective op, List<Integer> devices, int microBatch, int step);

    /** Bytes that a rank sends in a collective. */
    double collectiveBytes(int rank, Op.Collective op, int microBatch, int step);
}
