package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Message;
import java.util.Arrays;

/**
 * A sum over the members of a group: a reduce-scatter, then an all-gather. Member i sums slice i of everyone's values
 * in member order, so that all members end with the same bits.
 */
final class Reduction {
    private final float[] values;
    private final int members;
    private final int self;
    private final float[][] parts;
    private final boolean[] lacks;
    private int missing;
    private boolean gathering;

    /**
     * @param values this member's values; replaced by the sums
     * @param members number of members
     * @param self index of this member
     */
    Reduction(float[] values, int members, int self) {
        this.values = values;
        this.members = members;
        this.self = self;
        parts = new float[members][];
        parts[self] = slice(self);
        lacks = new boolean[members];
        lackOthers();
    }

    private void lackOthers() {
        Arrays.fill(lacks, true);
        lacks[self] = false;
        missing = members - 1;
    }

    /** Whether a member's message of the present phase is still to come. */
    boolean lacks(int member) {
        return lacks[member];
    }

    /** Whether the reduce-scatter is done and the all-gather is under way. */
    boolean gathering() {
        return gathering;
    }

    private void taken(int member) {
        lacks[member] = false;
        missing--;
    }

    private int start(int member) {
        return (int) ((long) values.length * member / members);
    }

    private float[] slice(int member) {
        return Arrays.copyOfRange(values, start(member), start(member + 1));
    }

    /** What this member sends to another in the reduce-scatter. */
    Message contribution(int member) {
        return new Message(new int[0], slice(member));
    }

    /** Takes another member's contribution to this member's slice. */
    void add(int member, Message message) {
        parts[member] = message.floats();
        taken(member);
    }

    /** Whether all messages of the present phase are in. */
    boolean complete() {
        return missing == 0;
    }

    /** Sums this member's slice, once complete; what this member sends to all others in the all-gather. */
    Message sum() {
        float[] sum = parts[0].clone();
        for (int member = 1; member < members; member++) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += parts[member][i];
            }
        }
        System.arraycopy(sum, 0, values, start(self), sum.length);
        gathering = true;
        lackOthers();
        return new Message(new int[0], sum);
    }

    /** Takes another member's summed slice. */
    void put(int member, Message message) {
        System.arraycopy(message.floats(), 0, values, start(member), message.floats().length);
        taken(member);
    }

    /** The sums, once the all-gather is complete. */
    float[] values() {
        return values;
    }
}
