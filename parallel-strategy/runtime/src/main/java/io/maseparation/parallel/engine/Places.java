package io.maseparation.parallel.engine;

import static io.maseparation.kernels.KvCache.BLOCK;

import io.maseparation.kernels.KvCache;
import io.maseparation.moe.Rope;
import io.maseparation.parallel.execute.rank.KvTable;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** Where sequences may run: the micro-batches of all groups, and the cache of each group. */
final class Places {
    private final int mostPromptRows;
    private final IntFunction<KvPool> pools;
    private final Rope rope;
    private Lanes lanes;
    private List<KvPool> kv;

    /**
     * @param mostPromptRows most prompt tokens of a step in each group and micro-batch
     * @param pools makes a cache of so many positions
     */
    Places(Plan plan, Room room, int mostPromptRows, IntFunction<KvPool> pools) {
        this.mostPromptRows = mostPromptRows;
        this.pools = pools;
        rope = plan.config().attention().rope();
        lanes = Lanes.of(plan, room, mostPromptRows);
        kv = pools(room, List.of());
    }

    private List<KvPool> pools(Room room, List<KvPool> kept) {
        List<KvPool> made = new ArrayList<>();
        for (int positions : room.groupPositions()) {
            made.add(made.size() < kept.size() ? kept.get(made.size()) : pools.apply(positions));
        }
        return made;
    }

    Lanes lanes() {
        return lanes;
    }

    /** Begins anew in another layout, for sequences whose places are theirs alone. */
    void layOut(Plan plan, Room room) {
        lanes = Lanes.of(plan, room, mostPromptRows);
        kv = pools(room, List.of());
    }

    /** Gives the sequences of a workload the places that they have, which are theirs alone. */
    void place(List<Sequence> sequences, Shares shares) {
        for (Sequence sequence : sequences) {
            int number = sequence.task.number();
            for (int group = 0; group < lanes.groups(); group++) {
                for (int m = 0; m < lanes.microBatches(); m++) {
                    if (shares.sequences().get(group, m).contains(number)) {
                        sequence.place = new Sequence.Place(
                                group, m, KvTable.of(shares.firstBlock()[number], shares.capacity()[number]), 0, false);
                    }
                }
            }
        }
    }

    /**
     * A place with room for what a sequence needs at once: in the group with the fewest positions, less those of its
     * prompt that are there already, and in the micro-batch with the fewest.
     */
    Optional<Sequence.Place> find(Sequence sequence) {
        int[][] known = new int[lanes.groups()][];
        long[] saved = new long[lanes.groups()];
        for (int group = 0; group < known.length; group++) {
            known[group] = kv.get(group).known(prompt(sequence));
            saved[group] = (long) known[group].length * BLOCK;
        }
        int need = sequence.task.positions();
        // One that had to give back its cache comes when there is room for all that it had.
        int had = sequence.count() > 0 ? sequence.promptEnd() + sequence.count() : 0;
        boolean[] tried = new boolean[lanes.groups()];
        for (Lane lane = lanes.lightest(tried, saved); lane != null; lane = lanes.lightest(tried, saved)) {
            tried[lane.group] = true;
            int there = known[lane.group].length * BLOCK;
            int now = Math.min(need, Math.max(had, there + mostPromptRows));
            Optional<KvTable> table = lane.holds(KvCache.blocks(now))
                    ? kv.get(lane.group).allocate(now, need, known[lane.group])
                    : Optional.empty();
            if (table.isPresent()) {
                return Optional.of(new Sequence.Place(lane.group, lane.microBatch, table.get(), there, true));
            }
        }
        return Optional.empty();
    }

    private KvPool.Prompt prompt(Sequence sequence) {
        return new KvPool.Prompt(sequence.task.prompt(), rope.same(sequence.task.positions() + 1));
    }

    /**
     * Whether the tables of a sequence's micro-batch have room for further positions of it. They have as many entries
     * as the cache has blocks, which is fewer than there may be where blocks are shared.
     */
    boolean holds(Sequence sequence, int positions) {
        return sequence.lane().holds(more(sequence, positions));
    }

    private static int more(Sequence sequence, int positions) {
        return Math.max(0, KvCache.blocks(positions) - sequence.place().table().count());
    }

    /** Makes room for further positions, if there is any. */
    boolean reach(Sequence sequence, int positions) {
        Sequence.Place place = sequence.place();
        int more = more(sequence, positions);
        if (sequence.lane().holds(more) && kv.get(place.group()).reach(place.table(), positions)) {
            sequence.lane().grow(more);
            return true;
        }
        return false;
    }

    /** Steps with the beginning of a sequence have ended on all ranks. */
    void written(Sequence sequence, int positions) {
        int to = Math.min(positions, sequence.promptEnd());
        if (to / BLOCK > sequence.written / BLOCK && sequence.place().pooled()) {
            kv.get(sequence.place().group())
                    .written(sequence.place().table(), prompt(sequence), sequence.written, to);
        }
        sequence.written = Math.max(sequence.written, to);
    }

    void free(Sequence.Place place) {
        if (place.pooled()) {
            kv.get(place.group()).free(place.table());
        }
    }

    /** Positions handed out, over all groups. */
    int used() {
        return kv.stream().mapToInt(KvPool::used).sum();
    }

    // Another layout

    /**
     * Where a sequence goes on.
     *
     * @param from where it was
     * @param to where it goes on, in a micro-batch yet to be chosen if it moves; null if it gives back its cache
     */
    record Moved(Sequence sequence, Sequence.Place from, Sequence.@Nullable Place to) {
        boolean stays() {
            return from.equals(to);
        }
    }

    /** Another layout, with room made in its caches, until it is taken or not. */
    record Relocation(Lanes lanes, List<KvPool> kv, List<Moved> moved) {}

    /**
     * Where sequences can go on in another layout. One that cannot be brought where it is to go stays where it is; if
     * that is no more, it gives back its cache.
     *
     * @param running all sequences that have a place
     * @param wanted the group that a sequence is to go to; −1 for where it is, if that is still there
     * @param receives whether keys and values can be copied to a group
     */
    Relocation relocate(
            Plan plan, Room room, List<Sequence> running, ToIntFunction<Sequence> wanted, IntPredicate receives) {
        List<KvPool> next = pools(room, kv);
        List<Moved> moved = new ArrayList<>();
        for (Sequence sequence : running) {
            Sequence.Place from = sequence.place();
            int wish = wanted.applyAsInt(sequence);
            int group = wish >= 0 ? wish : from.group() < next.size() ? from.group() : emptiest(next);
            // What others leave is still theirs while it is copied.
            Optional<KvTable> table = group != from.group() && receives.test(group)
                    ? next.get(group).allocate(
                            Math.max(1, sequence.next), sequence.task.positions(), new int[0])
                    : Optional.empty();
            moved.add(new Moved(sequence, from, table
                    .map(t -> new Sequence.Place(group, 0, t, 0, true))
                    .orElse(from.group() < next.size() ? from : null)));
        }
        return new Relocation(Lanes.of(plan, room, mostPromptRows), next, moved);
    }

    private static int emptiest(List<KvPool> pools) {
        int best = 0;
        for (int group = 1; group < pools.size(); group++) {
            best = pools.get(group).used() < pools.get(best).used() ? group : best;
        }
        return best;
    }

    /** Gives back what was made room for. */
    void discard(Relocation relocation) {
        for (Moved moved : relocation.moved) {
            if (moved.to != null && !moved.stays()) {
                relocation.kv.get(moved.to.group()).free(moved.to.table());
            }
        }
    }

    /**
     * Goes on in another layout: what sequences leave is free.
     *
     * @param keeps whether a group still has the cache that it had, and not only what was copied of it
     */
    void take(Relocation relocation, IntPredicate keeps) {
        for (Moved moved : relocation.moved) {
            if (!moved.stays()) {
                free(moved.from);
            }
        }
        lanes = relocation.lanes;
        kv = relocation.kv;
        for (int group = 0; group < kv.size(); group++) {
            if (!keeps.test(group)) {
                kv.get(group).forgetWhatNobodyHas();
            }
        }
    }
}
