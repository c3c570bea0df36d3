package io.maseparation.parallel.execute.rank;

import io.maseparation.parallel.comm.Message;
import io.maseparation.parallel.timeline.TimelineEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
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

    /** The last step in which tokens of this rank's group were sampled, until they are here. */
    Optional<Sampled> sampled = Optional.empty();

    /**
     * Rows that were sampled.
     *
     * @param step number of the step
     * @param batch the rows
     */
    record Sampled(int step, Batch batch) {}

    private record Entry(StepFeed.Issued issued, Step.Work work) {}

    private final int group;
    private final int[] lastToken;
    private final Deque<Entry> entries = new ArrayDeque<>();

    /**
     * @param index number of the micro-batch
     * @param group group that the rank belongs to; −1 for none
     * @param slots most sequences
     */
    MicroBatch(int index, int group, int slots) {
        this.index = index;
        this.group = group;
        lastToken = new int[slots];
    }

    /** Adds a step after those that are there already. */
    void add(StepFeed.Issued issued, Step.Work work) {
        entries.add(new Entry(issued, work));
    }

    /** Goes on to the next step. */
    void endStep() {
        op = 0;
        Entry ended = entries.removeFirst();
        if (group >= 0) {
            Batch batch = ended.work.groups().get(group);
            if (batch.hasOutputs()) {
                sampled = Optional.of(new Sampled(ended.issued.step().number(), batch));
            }
        }
        ended.issued.done();
    }

    /** Whether all steps are done. */
    boolean ended() {
        return entries.isEmpty();
    }

    /**
     * The token that a sequence was sampled to last, in this micro-batch. Each has its own: a slot may have gone to a
     * sequence of another one by the time that this one hears of its last token.
     */
    int lastToken(int slot) {
        return lastToken[slot];
    }

    /** Notes a token that was sampled, here or on another rank. */
    void setLastToken(int slot, int token) {
        lastToken[slot] = token;
    }

    /** Number of the present step since the start of the run. */
    int step() {
        return entries.getFirst().issued.step().number();
    }

    /** Whether the present step takes prompt tokens of the rank's group in; of any group on a rank without one. */
    boolean prefill() {
        Step.Work work = entries.getFirst().work;
        return group < 0 ? work.prefill() : work.groups().get(group).promptRows() > 0;
    }

    /** Its rows in the present step. */
    Batch batch() {
        return entries.getFirst().work.groups().get(group);
    }

    /** Something that a rank did for it in the present step, with its start and end in nanoseconds. */
    TimelineEvent event(int rank, TimelineEvent.Stream stream, String name, long start, long end) {
        return new TimelineEvent(rank, stream, name, index, step(), prefill(), start, end);
    }
}
