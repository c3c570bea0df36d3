package io.maseparation.parallel.engine;

import io.maseparation.parallel.change.LayoutPolicy.LiveState;
import io.maseparation.parallel.execute.migrate.LiveSequences;
import io.maseparation.parallel.execute.migrate.Migration;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.Equipment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The sequences of an engine, which come and go. To others a sequence is the slot that it runs in: what is decided of
 * it while steps go on counts if it is still there.
 */
final class EngineSequences implements LiveSequences {
    private final Schedule schedule;
    private final Equipment equipment;
    private final Function<Plan, Room> rooms;
    /** By slot, those that ran when they were last asked for. */
    private volatile @Nullable Sequence[] last = new Sequence[0];

    /** @param rooms what there is to be room for on a plan */
    EngineSequences(Schedule schedule, Equipment equipment, Function<Plan, Room> rooms) {
        this.schedule = schedule;
        this.equipment = equipment;
        this.rooms = rooms;
    }

    /** The most that may follow are those of the request that has most to go: nobody knows what comes. */
    @Override
    public Where where(Deployment now, int steps) {
        @Nullable Sequence[] running = schedule.bySlot();
        List<Integer> owners = new ArrayList<>(Collections.nCopies(running.length, -1));
        int[] positions = new int[running.length];
        int remaining = 0;
        for (int slot = 0; slot < running.length; slot++) {
            Sequence sequence = running[slot];
            if (sequence != null) {
                owners.set(slot, sequence.place().group());
                positions[slot] = sequence.next;
                remaining = Math.max(remaining, sequence.task.positions() - sequence.next);
            }
        }
        last = running;
        return new Where(List.copyOf(owners), positions, remaining);
    }

    @Override
    public Migration prepare(Deployment now, LiveState state, Target target) {
        Plan plan = target.plan(now.plan());
        @Nullable Sequence[] then = last;
        Deployment after = Deployment.next(now, plan, rooms.apply(plan), equipment);
        return new PoolMigration(schedule, now, after, () -> wanted(now.plan(), plan, target, then));
    }

    /** By slot, the group that its sequence is to go to; −1 for where it is. */
    private int[] wanted(Plan before, Plan plan, Target target, @Nullable Sequence[] then) {
        @Nullable Sequence[] running = schedule.bySlot();
        int[] wanted = new int[running.length];
        int[] lengths = new int[running.length];
        boolean[] active = new boolean[running.length];
        for (int slot = 0; slot < running.length; slot++) {
            Sequence sequence = running[slot];
            active[slot] = sequence != null;
            lengths[slot] = sequence == null ? 0 : sequence.task.positions();
        }
        boolean deals = target.owners().isEmpty() && plan.groups() != before.groups();
        List<Integer> dealt = deals ? Shares.owners(lengths, active, plan.groups()) : List.of();
        for (int slot = 0; slot < wanted.length; slot++) {
            boolean known = target.owners().isPresent() && isSame(running[slot], then[slot]);
            wanted[slot] = deals ? dealt.get(slot) : known ? target.owners().get().get(slot) : -1;
        }
        return wanted;
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isSame(@Nullable Sequence one, @Nullable Sequence other) {
        return one == other;
    }
}
