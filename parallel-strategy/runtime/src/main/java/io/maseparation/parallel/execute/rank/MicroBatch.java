package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** How far one micro-batch of a rank is in its program, and what it has received and not used yet. */
final class MicroBatch {
    final int index;
    /** Operation of the program that comes next. */
    int op;
    /** Dispatch messages for the next segment with experts, in the order of the program. */
    final List<Message> arrived = new ArrayList<>();
    /** Answers to those messages, in the same order. */
    List<Message> answers = List.of();
    /** Expert group of each slot of the batch in its present layer. */
    int[] assigned = new int[0];
    /** By rank, the rows of the batch that enter its node there; empty where rows are sent to each rank. */
    List<BitSet> entering = List.of();
    /** By asker, how the rows that arrived came and went, where rows cross to a node once. */
    final List<NodeExchange.Spread> spread = new ArrayList<>();
    /** What has arrived so far of the current transfer, by index of the sender among all senders. */
    final SortedMap<Integer, Message> received = new TreeMap<>();

    /** The all-reduce that is under way. */
    Optional<Reduction> reduction = Optional.empty();

    /** Since when the micro-batch waits for messages. */
    long waitingSince = TransferLog.NOT_WAITING;

    private final int group;
    private final List<Step> steps;
    private final int firstStep;
    private int done;

    /**
     * @param index number of the micro-batch
     * @param group group that the rank belongs to; −1 for none
     * @param steps what to run
     * @param firstStep number of the first of them since the start of the run
     */
    MicroBatch(int index, int group, List<Step> steps, int firstStep) {
        this.index = index;
        this.group = group;
        this.steps = steps;
        this.firstStep = firstStep;
    }

    /** Goes on to the next step. */
    void endStep() {
        op = 0;
        done++;
    }

    /** Whether all steps are done. */
    boolean ended() {
        return done == steps.size();
    }

    /** Number of the present step since the start of the run. */
    int step() {
        return firstStep + done;
    }

    boolean inFirstStep() {
        return done == 0;
    }

    boolean inLastStep() {
        return done + 1 == steps.size();
    }

    /** Whether the present step takes prompt tokens in. */
    boolean prefill() {
        return steps.get(done).prefill();
    }

    /** Its rows in the present step. */
    Batch batch() {
        return steps.get(done).batch(group, index);
    }

    /** Its rows in the step before. */
    Batch batchBefore() {
        return steps.get(done - 1).batch(group, index);
    }

    /** Something that a rank did for it in the present step, with its start and end in nanoseconds. */
    TimelineEvent event(int rank, TimelineEvent.Stream stream, String name, long start, long end) {
        return new TimelineEvent(rank, stream, name, index, step(), prefill(), start, end);
    }
}
