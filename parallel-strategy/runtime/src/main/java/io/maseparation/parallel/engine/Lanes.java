package io.maseparation.parallel.engine;

import io.maseparation.kernels.KvCache;
import io.maseparation.parallel.execute.rank.Room;
import io.maseparation.parallel.layout.PerMicroBatch;
import io.maseparation.parallel.layout.Plan;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The sequences of all groups and micro-batches.
 *
 * @param lanes by group, then micro-batch
 */
record Lanes(PerMicroBatch<Lane> lanes) {

    /** Lanes without sequences. */
    static Lanes of(Plan plan, Room room, int mostPromptRows) {
        return new Lanes(PerMicroBatch.of(plan.groups(), plan.batching().microBatches(), (group, m) -> new Lane(
                group, m, room.rows().firstRow(group, m), mostPromptRows, room.rows().outputs(group),
                room.groupPositions()[group] / KvCache.BLOCK)));
    }

    int groups() {
        return lanes.size();
    }

    int microBatches() {
        return lanes.microBatches();
    }

    Lane get(int group, int microBatch) {
        return lanes.get(group, microBatch);
    }

    List<Lane> group(int group) {
        return lanes.group(group);
    }

    boolean any(Predicate<Lane> what) {
        for (List<Lane> group : lanes.groups()) {
            for (Lane lane : group) {
                if (what.test(lane)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The micro-batch of a group with the fewest positions, among those where one may be added. */
    @Nullable
    Lane lightest(int group) {
        Lane lightest = null;
        for (Lane lane : group(group)) {
            if (!lane.full() && (lightest == null || lane.positions < lightest.positions)) {
                lightest = lane;
            }
        }
        return lightest;
    }

    /**
     * The micro-batch with the fewest positions in the group with the fewest, among those where one may be added.
     *
     * @param without by group, whether it is left out
     * @param saved by group, positions to be taken off
     */
    @Nullable
    Lane lightest(boolean[] without, long[] saved) {
        Lane best = null;
        long fewest = Long.MAX_VALUE;
        for (int group = 0; group < groups(); group++) {
            long ofGroup = -saved[group];
            for (Lane lane : group(group)) {
                ofGroup += lane.positions;
            }
            Lane lightest = lightest(group);
            if (lightest != null && ofGroup < fewest && !without[group]) {
                best = lightest;
                fewest = ofGroup;
            }
        }
        return best;
    }
}
