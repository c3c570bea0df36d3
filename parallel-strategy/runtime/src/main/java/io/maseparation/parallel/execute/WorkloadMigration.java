package io.maseparation.parallel.execute;

import io.maseparation.parallel.execute.migrate.Migration;
import io.maseparation.parallel.execute.rank.Deployment;
import io.maseparation.parallel.layout.MovedBytes;
import io.maseparation.parallel.layout.Plan;
import io.maseparation.parallel.layout.Shares;
import io.maseparation.parallel.layout.Target;
import io.maseparation.parallel.run.Job;
import io.maseparation.parallel.run.Workload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The way of a workload's sequences from one deployment to another.
 *
 * <p>Positions of a sequence that a KV cache has are never written again, so those that are there when the migration
 * starts can be copied while steps append further ones, where caches are in the host's memory; elsewhere all are copied
 * at the end.
 */
final class WorkloadMigration implements Migration {
    private final Deployment before;
    private final Deployment after;
    private final Supplier<Progress> progress;
    private final int[] prefilled;
    private final int[] copied;
    private long bytes;

    /**
     * How far a run is.
     *
     * @param active whether each sequence goes on
     * @param decoded decode steps done
     */
    record Progress(boolean[] active, int decoded) {}

    private WorkloadMigration(
            Deployment before, Deployment after, Workload workload, Supplier<Progress> progress) {
        this.before = before;
        this.after = after;
        this.progress = progress;
        prefilled = workload.prompts().stream()
                .mapToInt(prompt -> workload.depth() + prompt.length)
                .toArray();
        copied = new int[prefilled.length];
    }

    /**
     * Sets up the new deployment and copies what will not change.
     *
     * @param ordered how far the run was when this was ordered
     * @param progress how far it is, for when no step is under way
     */
    static Migration prepare(
            Deployment before, Target target, Progress ordered, Supplier<Progress> progress, Job job) {
        boolean[] active = ordered.active;
        Plan plan = target.plan(before.plan());
        Shares shares = shares(before, plan, target.owners(), active);
        Deployment after = Deployment.next(before, plan, shares, job.equipment());
        WorkloadMigration migration = new WorkloadMigration(before, after, job.workload(), progress);
        try {
            migration.bytes = MovedBytes.weights(before.plan(), plan);
            if (migration.cachesInHostMemory()) {
                migration.copy(active, ordered.decoded);
            }
        } catch (RuntimeException | Error e) {
            migration.giveUp();
            throw e;
        }
        return migration;
    }

    private static Shares shares(
            Deployment before, Plan plan, Optional<List<Integer>> wanted, boolean[] active) {
        if (wanted.isEmpty() && plan.groups() == before.plan().groups()) {
            return before.shares();
        }
        List<Integer> present = before.shares().owners();
        List<Integer> owners = new ArrayList<>(
                wanted.orElseGet(() -> Shares.owners(before.shares().capacity(), active, plan.groups())));
        Set<Integer> changed = new HashSet<>();
        for (int sequence = 0; sequence < active.length; sequence++) {
            if (active[sequence] && !owners.get(sequence).equals(present.get(sequence))) {
                changed.add(owners.get(sequence));
                changed.add(present.get(sequence));
            }
        }
        for (int sequence = 0; sequence < active.length; sequence++) {
            if (!active[sequence]) {
                int group = present.get(sequence);
                // One that has ended keeps its place where nothing else moves, so that the cache can stay as it is.
                owners.set(sequence, group < plan.groups() && !changed.contains(group) ? group : -1);
            }
        }
        return Shares.owned(plan, owners, before.shares().capacity());
    }

    @Override
    public Deployment after() {
        return after;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    /** Copies the keys and values that are not there yet. */
    @Override
    public void complete() {
        Progress now = progress.get();
        moves(now.active).stream()
                .map(Move::source)
                .distinct()
                .forEach(rank -> before.rankDevice(rank).fetchKv());
        copy(now.active, now.decoded);
    }

    @Override
    public void giveUp() {
        after.closeExcept(before);
    }

    private boolean cachesInHostMemory() {
        return before.plan().ranks().stream()
                .filter(r -> r.group() >= 0)
                .allMatch(r -> before.rankDevice(r.rank()).kvInHostMemory());
    }

    /** What a rank's cache gets of a sequence that another rank's cache had, or another cache of the same rank. */
    private record Move(int sequence, int source, int rank) {}

    /** The moves of the sequences that go on. */
    private List<Move> moves(boolean[] active) {
        List<Integer> from = before.shares().owners();
        List<Integer> to = after.shares().owners();
        int slices = before.plan().layout().headSlices();
        List<Move> moves = new ArrayList<>();
        for (int sequence = 0; sequence < active.length; sequence++) {
            for (int slice = 0; active[sequence] && slice < slices; slice++) {
                int source = from.get(sequence) * slices + slice;
                int rank = to.get(sequence) * slices + slice;
                if (source != rank || !after.sameRankDevice(rank, before)) {
                    moves.add(new Move(sequence, source, rank));
                }
            }
        }
        return moves;
    }

    /** Copies the positions of the sequences that go on, up to the last decode step done. */
    private void copy(boolean[] active, int decoded) {
        for (Move move : moves(active)) {
            int sequence = move.sequence;
            int there = before.shares().firstBlock()[sequence];
            int here = after.shares().firstBlock()[sequence];
            long moved = after.rankDevice(move.rank).kv().copyFrom(
                    before.rankDevice(move.source).kv(),
                    block -> there + block,
                    block -> here + block,
                    copied[sequence],
                    prefilled[sequence] + decoded);
            bytes += move.source == move.rank ? 0 : moved;
        }
        Arrays.setAll(copied, sequence -> prefilled[sequence] + decoded);
    }
}
