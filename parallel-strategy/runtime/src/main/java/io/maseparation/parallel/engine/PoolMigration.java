package io.maseparation.parallel.engine;

import io.maseparation.parallel.execute.migrate.Migration;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.MovedBytes;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * The way of an engine's sequences from one deployment to another. Keys and values are copied at the end: who will be
 * there is not known before. A sequence that has no room where it is to go, or whose keys and values cannot be brought
 * there, stays; if its group is no more, it gives back what it has and is taken in once more.
 */
final class PoolMigration implements Migration {
    private final Schedule schedule;
    private final Deployment before;
    private final Deployment after;
    private final Supplier<int[]> wanted;
    private long bytes;

    /** @param wanted by slot, the group that its sequence is to go to; −1 for where it is */
    PoolMigration(Schedule schedule, Deployment before, Deployment after, Supplier<int[]> wanted) {
        this.schedule = schedule;
        this.before = before;
        this.after = after;
        this.wanted = wanted;
        bytes = MovedBytes.weights(before.plan(), after.plan());
    }

    @Override
    public Deployment after() {
        return after;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void complete() {
        int[] groups = wanted.get();
        Places.Relocation relocation = schedule.relocate(
                after.plan(), after.room(), sequence -> groups[sequence.slot], this::receives);
        try {
            copy(relocation);
        } catch (RuntimeException | Error e) {
            schedule.discard(relocation);
            throw e;
        }
        schedule.change(relocation, this::keeps);
    }

    /** A cache on a device that steps were run on is not written by the host any more. */
    private boolean receives(int group) {
        int slices = after.plan().layout().headSlices();
        for (int rank = group * slices; rank < (group + 1) * slices; rank++) {
            if (after.sameRankDevice(rank, before) && !after.rankDevice(rank).kvInHostMemory()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a group has the same cache as before. */
    private boolean keeps(int group) {
        int slices = after.plan().layout().headSlices();
        return IntStream.range(group * slices, (group + 1) * slices)
                .allMatch(rank -> after.sameRankDevice(rank, before));
    }

    private void copy(Places.Relocation relocation) {
        int slices = before.plan().layout().headSlices();
        boolean[] fetched = new boolean[before.ranks()];
        for (Places.Moved moved : relocation.moved()) {
            Sequence.Place to = moved.to();
            for (int slice = 0; to != null && slice < slices; slice++) {
                int source = moved.from().group() * slices + slice;
                int rank = to.group() * slices + slice;
                if (source == rank && after.sameRankDevice(rank, before)) {
                    continue;
                }
                if (!fetched[source]) {
                    fetched[source] = true;
                    before.rankDevice(source).fetchKv();
                }
                long copied = after.rankDevice(rank).kv().copyFrom(
                        before.rankDevice(source).kv(), moved.from().table()::block, to.table()::block, 0,
                        moved.sequence().next);
                bytes += source == rank ? 0 : copied;
            }
        }
    }

    @Override
    public void giveUp() {
        after.closeExcept(before);
    }
}
