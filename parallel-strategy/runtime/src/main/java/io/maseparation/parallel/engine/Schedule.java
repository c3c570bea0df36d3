package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.rank.Batch;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.execute.rank.Slots;
import io.maseparation.parallel.execute.rank.Step;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Which sequences run where, and what rows they have in the next step. New ones wait in the order of arrival until
 * there is a slot and room in a cache, as {@link Places} finds it. A prompt that begins with whole blocks that
 * others took in shares them and begins behind them, as long as they are there.
 *
 * <p>Where a cache is full in the midst of a sequence, the youngest gives back what it has and waits at the front.
 * Later its prompt is taken in once more, and the tokens that it had go through decode steps as they did before, so
 * that not a bit changes.
 */
public final class Schedule {
    private final boolean apart;
    private final Slots slots;
    private final @Nullable Sequence[] bySlot;
    private final Deque<Integer> freeSlots = new ArrayDeque<>();
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final Places places;
    private long admissions;
    /** Whether a sequence that goes on had no room for it in the last step. */
    private boolean lacking;
    private int deadlines;
    /** Sequences that are to give back their cache. */
    private int preempted;

    /**
     * Nothing to do.
     *
     * @param plan the plan
     * @param room what there is room for
     * @param sequences most sequences at once
     * @param mostPromptRows most prompt tokens of a step in each group and micro-batch
     * @param apart whether all prompts are taken in before any sequence goes on
     */
    public Schedule(Plan plan, Room room, int sequences, int mostPromptRows, boolean apart) {
        this(plan, room, sequences, mostPromptRows, apart, BlockPool::new);
    }

    Schedule(
            Plan plan, Room room, int sequences, int mostPromptRows, boolean apart, IntFunction<KvPool> pools) {
        this.apart = apart;
        slots = new Slots(sequences);
        bySlot = new Sequence[sequences];
        for (int slot = 0; slot < sequences; slot++) {
            freeSlots.add(slot);
        }
        places = new Places(plan, room, mostPromptRows, pools);
    }

    Slots slots() {
        return slots;
    }

    boolean apart() {
        return apart;
    }

    /** Number of the sequence in a slot. For ranks, whose steps keep it there. */
    int number(int slot) {
        return slots.number(slot);
    }

    /**
     * Adds a sequence that takes what place there is.
     *
     * @param sequence the sequence
     */
    public void add(Sequence sequence) {
        deadlines += sequence.hasDeadline ? 1 : 0;
        waiting.add(sequence);
    }

    /**
     * Adds the sequences of a workload at the places that they have, which are theirs alone.
     *
     * @param sequences by number
     * @param shares their places
     */
    public void add(List<Sequence> sequences, Shares shares) {
        places.place(sequences, shares);
        for (Sequence sequence : sequences) {
            sequence.slot = freeSlots.removeFirst();
            enter(sequence);
        }
    }

    /**
     * Goes on in another layout. No step is under way.
     *
     * @param plan the plan
     * @param room what there is room for
     * @param sequences all sequences by number
     * @param shares their places
     */
    public void change(Plan plan, Room room, List<Sequence> sequences, Shares shares) {
        places.layOut(plan, room);
        List<Sequence> going = sequences.stream().filter(s -> !s.ended).toList();
        places.place(going, shares);
        going.forEach(this::enter);
    }

    /** Sequences that have a place, in the order of admission, and where they go on in another layout. */
    Places.Relocation relocate(
            Plan plan, Room room, ToIntFunction<Sequence> wanted, IntPredicate receives) {
        List<Sequence> running = running();
        running.sort(Comparator.comparingLong(s -> s.admitted));
        return places.relocate(plan, room, running, wanted, receives);
    }

    /** Gives another layout up. */
    void discard(Places.Relocation relocation) {
        places.discard(relocation);
    }

    /** Goes on in another layout, to which all keys and values of sequences were copied. No step is under way. */
    void change(Places.Relocation relocation, IntPredicate keeps) {
        places.take(relocation, keeps);
        // They stay where they are, and the others come to where there is least.
        relocation.moved().stream().filter(Places.Moved::stays).forEach(moved -> goOn(moved.sequence()));
        List<Sequence> back = new ArrayList<>();
        for (Places.Moved moved : relocation.moved()) {
            Sequence sequence = moved.sequence();
            if (moved.stays()) {
                continue;
            }
            Sequence.Place to = moved.to();
            Lane lane = to == null ? null : places.lanes().lightest(to.group());
            if (to != null && lane != null && lane.holds(to.table().count())) {
                sequence.place = to.in(lane);
                goOn(sequence);
                continue;
            }
            if (to != null) {
                places.free(to);
            }
            sequence.lane = null;
            back.add(sequence);
        }
        back.reversed().forEach(this::leaveSlot);
    }

    private void goOn(Sequence sequence) {
        long age = sequence.admitted;
        enter(sequence);
        sequence.admitted = age;
    }

    /** By slot, the sequence that runs in it. */
    @Nullable
    Sequence[] bySlot() {
        return bySlot.clone();
    }

    /** Begins or goes on with a sequence that has a slot and a place. */
    private void enter(Sequence sequence) {
        Sequence.Place place = sequence.place();
        bySlot[sequence.slot] = sequence;
        slots.set(sequence.slot, sequence.forRanks());
        places.lanes().get(place.group(), place.microBatch()).add(sequence);
        sequence.admitted = admissions++;
        sequence.recipient.started();
    }

    /** Lets sequences in, as long as there is room for the first that waits. */
    public void admit() {
        // What is given back is for those that go on.
        while (!waiting.isEmpty() && !freeSlots.isEmpty() && !(lacking && runsAny())) {
            Sequence first = waiting.getFirst();
            Optional<Sequence.Place> place = places.find(first);
            if (place.isEmpty()) {
                return;
            }
            waiting.removeFirst();
            first.place = place.get();
            first.next = first.task.depth() + place.get().known();
            first.written = place.get().known();
            first.slot = freeSlots.removeFirst();
            enter(first);
        }
    }

    private boolean runsAny() {
        return freeSlots.size() < bySlot.length;
    }

    /** Whether any sequence that runs has prompt tokens left. */
    boolean hasPrompts() {
        return places.lanes().any(Lane::hasPrompts);
    }

    /** Whether any sequence that runs has rows left. */
    boolean hasRows() {
        return places.lanes().any(Lane::hasRows);
    }

    /**
     * {@return the rows of the next step, by micro-batch; empty if there are none}
     *
     * @param prefill whether there are prompts to take in
     * @param members takes the sequences with rows
     */
    public List<Step.Work> next(boolean prefill, List<Sequence> members) {
        lacking = false;
        Lanes lanes = places.lanes();
        List<Step.Work> work = new ArrayList<>();
        for (int m = 0; m < lanes.microBatches(); m++) {
            int rows = 0;
            List<Batch> batches = new ArrayList<>(lanes.groups());
            for (int group = 0; group < lanes.groups(); group++) {
                Lane lane = lanes.get(group, m);
                Batch batch = lane.next(!apart || prefill, !apart || !prefill, this::reach, members);
                batches.add(batch);
                rows += batch.rows();
            }
            if (rows > 0) {
                work.add(new Step.Work(m, batches));
            }
        }
        return work;
    }

    /** Whether a sequence has room for a position; if not, the youngest of those who have it gives back its own. */
    private boolean reach(Sequence sequence, int position) {
        if (places.reach(sequence, position + 1)) {
            return true;
        }
        lacking = true;
        Sequence youngest = null;
        for (Lane lane : places.holds(sequence, position + 1)
                ? places.lanes().group(sequence.place().group())
                : List.of(sequence.lane())) {
            for (Sequence other : lane.running) {
                if (other.preempted) {
                    // Room is coming.
                    return false;
                }
                if (!other.ended && (youngest == null || other.admitted > youngest.admitted)) {
                    youngest = other;
                }
            }
        }
        if (youngest != null) {
            youngest.preempted = true;
            preempted++;
        }
        return false;
    }

    /**
     * Lets go of those that were told to give back their cache and have no row under way.
     *
     * @return whether there was one
     */
    boolean preempt() {
        if (preempted == 0) {
            return false;
        }
        List<Sequence> atRest = running().stream().filter(s -> s.preempted && s.inFlight == 0).toList();
        atRest.forEach(this::release);
        return !atRest.isEmpty();
    }

    /**
     * A rank has sampled a token. One that is of no use any more is dropped.
     *
     * @param slot index of the sequence's slot
     * @param index of the token among those generated for the sequence
     * @param token the token
     * @param logits [vocab], where they are kept
     * @param nanos when
     */
    public void sampled(int slot, int index, int token, float @Nullable [] logits, long nanos) {
        Sequence sequence = bySlot[slot];
        if (sequence == null || sequence.ended || index != sequence.count()) {
            return;
        }
        sequence.add(token);
        boolean ends;
        try {
            ends = sequence.recipient.token(token, logits, nanos);
        } catch (RuntimeException e) {
            fail(sequence, -1, e);
            return;
        }
        if (ends) {
            end(sequence, Finish.STOP);
        } else if (sequence.count() == sequence.task.maxTokens()) {
            end(sequence, Finish.LENGTH);
        }
    }

    /** A rank could not sample a token. */
    void failed(int slot, int index, int rank, RuntimeException cause) {
        Sequence sequence = bySlot[slot];
        if (sequence != null && !sequence.ended && index == sequence.count()) {
            fail(sequence, rank, cause);
        }
    }

    /**
     * Ends a sequence with a failure, if it has not ended.
     *
     * @param sequence the sequence
     * @param rank the rank that could not sample a token; −1 for none
     * @param cause what happened
     */
    public void fail(Sequence sequence, int rank, RuntimeException cause) {
        if (!sequence.ended) {
            leave(sequence);
            sequence.recipient.failed(rank, cause);
        }
    }

    /**
     * Ends a sequence, if it has not ended.
     *
     * @param sequence the sequence
     * @param finish why
     */
    public void end(Sequence sequence, Finish finish) {
        if (!sequence.ended) {
            leave(sequence);
            sequence.recipient.ended(finish);
        }
    }

    private void leave(Sequence sequence) {
        sequence.ended = true;
        deadlines -= sequence.hasDeadline ? 1 : 0;
        if (sequence.slot < 0) {
            waiting.remove(sequence);
        } else if (sequence.inFlight == 0) {
            release(sequence);
        }
    }

    /**
     * The only step with rows of a sequence has ended on all ranks.
     *
     * @param sequence the sequence
     */
    public void stepEnded(Sequence sequence) {
        stepEnded(sequence, sequence.next);
    }

    /** A step has ended on all ranks, with rows of a sequence up to a position. */
    void stepEnded(Sequence sequence, int end) {
        sequence.inFlight--;
        if (!sequence.ended && !sequence.preempted) {
            places.written(sequence, end);
        }
        if (sequence.inFlight == 0 && (sequence.ended || sequence.preempted)) {
            release(sequence);
        }
    }

    /** Takes back slot and cache; one that has not ended waits again. */
    private void release(Sequence sequence) {
        sequence.lane().remove(sequence);
        places.free(sequence.place());
        leaveSlot(sequence);
    }

    private void leaveSlot(Sequence sequence) {
        bySlot[sequence.slot] = null;
        freeSlots.addFirst(sequence.slot);
        sequence.slot = -1;
        sequence.place = null;
        preempted -= sequence.preempted ? 1 : 0;
        sequence.preempted = false;
        if (!sequence.ended) {
            sequence.next = sequence.task.depth();
            sequence.written = 0;
            waiting.addFirst(sequence);
        }
    }

    /** Ends the sequences whose time is up. */
    void expire(long now) {
        if (deadlines == 0) {
            return;
        }
        for (Sequence sequence : all()) {
            if (sequence.hasDeadline && !sequence.ended && sequence.deadline - now <= 0) {
                end(sequence, Finish.TIMEOUT);
            }
        }
    }

    /** Nanoseconds until the next sequence's time is up. */
    long nanosToDeadline(long now) {
        long least = Long.MAX_VALUE;
        if (deadlines > 0) {
            for (Sequence sequence : all()) {
                if (sequence.hasDeadline && !sequence.ended) {
                    least = Math.min(least, sequence.deadline - now);
                }
            }
        }
        return least;
    }

    private List<Sequence> running() {
        List<Sequence> running = new ArrayList<>();
        for (List<Lane> group : places.lanes().lanes().groups()) {
            group.forEach(lane -> running.addAll(lane.running));
        }
        return running;
    }

    /** All that wait or run. */
    private List<Sequence> all() {
        List<Sequence> all = running();
        all.addAll(waiting);
        return all;
    }

    boolean isEmpty() {
        return waiting.isEmpty() && freeSlots.size() == bySlot.length;
    }

    /** Positions handed out, over all groups. */
    int positionsUsed() {
        return places.used();
    }
}
