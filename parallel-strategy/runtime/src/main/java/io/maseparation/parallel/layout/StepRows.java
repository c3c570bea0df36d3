package io.maseparation.parallel.layout;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** The most rows that every group and micro-batch has in one step: what buffers are sized by. */
public final class StepRows {
    private final int[][] most;
    /** By group. */
    private final int[] outputs;

    /**
     * Rows of prefill and decode steps.
     *
     * @param shares where the sequences live
     * @param promptTokens tokens of each sequence's prompt
     * @param prefillChunk most prompt tokens that one rank takes in one step and micro-batch
     */
    public StepRows(Shares shares, int[] promptTokens, int prefillChunk) {
        this(shares.sequences().groups().stream()
                .map(group -> group.stream().mapToInt(s -> most(s, promptTokens, prefillChunk)).toArray())
                .toArray(int[][]::new),
                shares.sequences().groups().stream()
                        .mapToInt(group -> group.stream().mapToInt(List::size).max().orElse(0))
                        .toArray());
    }

    private StepRows(int[][] most, int[] outputs) {
        this.most = most;
        this.outputs = outputs;
    }

    /**
     * {@return the same number of rows for every group and micro-batch}
     *
     * @param groups number of groups
     * @param microBatches micro-batches of each group
     * @param rows most rows of a micro-batch of a group
     * @param outputs most of these that need logits
     */
    public static StepRows even(int groups, int microBatches, int rows, int outputs) {
        int[][] most = new int[groups][microBatches];
        for (int[] group : most) {
            Arrays.fill(group, rows);
        }
        int[] ofGroups = new int[groups];
        Arrays.fill(ofGroups, outputs);
        return new StepRows(most, ofGroups);
    }

    /**
     * {@return rows of decode steps: one for each sequence}
     *
     * @param shares where the sequences live
     */
    public static StepRows decode(Shares shares) {
        return new StepRows(shares, new int[shares.capacity().length], 1);
    }

    private static int most(List<Integer> sequences, int[] promptTokens, int prefillChunk) {
        long prompt = sequences.stream().mapToLong(s -> promptTokens[s]).sum();
        return (int) Math.max(sequences.size(), Math.min(prompt, prefillChunk));
    }

    /**
     * {@return most rows of a micro-batch of a group}
     *
     * @param group index of the group
     * @param microBatch index of the micro-batch
     */
    public int most(int group, int microBatch) {
        return most[group][microBatch];
    }

    /**
     * {@return index of a micro-batch's first row in its group's buffers}
     *
     * @param group index of the group
     * @param microBatch index of the micro-batch
     */
    public int firstRow(int group, int microBatch) {
        return Arrays.stream(most[group], 0, microBatch).sum();
    }

    /**
     * {@return most rows that a group has at once, over all its micro-batches}
     *
     * @param group index of the group
     */
    public int ofGroup(int group) {
        return firstRow(group, most[group].length);
    }

    /**
     * {@return most rows that one micro-batch has over some groups, at least 1; 0 if there are no groups}
     *
     * @param groups indices of the groups
     */
    public int received(Set<Integer> groups) {
        int largest = groups.isEmpty() ? 0 : 1;
        for (int m = 0; m < most[0].length; m++) {
            int microBatch = m;
            largest = Math.max(largest, groups.stream().mapToInt(group -> most[group][microBatch]).sum());
        }
        return largest;
    }

    /**
     * {@return most rows of one micro-batch of a group that need logits}
     *
     * @param group index of the group
     */
    public int outputs(int group) {
        return outputs[group];
    }
}
