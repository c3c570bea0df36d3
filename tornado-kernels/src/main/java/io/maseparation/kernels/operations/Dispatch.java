package io.maseparation.kernels.operations;

import io.maseparation.kernels.OpCost;
import io.maseparation.kernels.Require;
import io.maseparation.kernels.gpu.DispatchGpu;
import io.maseparation.kernels.gpu.WorkerGrids;
import io.maseparation.kernels.host.DispatchHost;
import io.maseparation.kernels.portable.DispatchPortable;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Sorts the expert slots of a step's rows by the local group that computes the expert: what lets an expert's weights be
 * read once for all its rows.
 */
public final class Dispatch {
    private Dispatch() {}

    /**
     * Adds the task. A pair is {@code row · slots + j}, with the row's absolute number. The pairs of group g are
     * {@code pairs[offsets[g]] … pairs[offsets[g + 1] - 1]}, ascending. Slots whose id is negative (empty) or whose
     * group is negative (not on this rank) are left out; {@code pairs} is not written beyond {@code offsets[groups]}.
     *
     * @param step first row, number of rows, rows of prompts
     * @param ids [rows, slots]: expert of each slot, or -1
     * @param slots slots of a row
     * @param groupOf group of each expert, the extra expert's last, or -1
     * @param groups number of groups
     * @param offsets [groups + 1]
     * @param pairs [rows · slots]
     * @throws IllegalArgumentException if an array is too short
     */
    public static void add(
            KernelGraph g,
            String id,
            IntArray step,
            IntArray ids,
            int slots,
            IntArray groupOf,
            int groups,
            IntArray offsets,
            IntArray pairs) {
        Require.step("Dispatch", step);
        Require.atLeast("Dispatch", "slots", slots, 1);
        Require.atLeast("Dispatch", "groups", groups, 1);
        Require.length("Dispatch", "ids", ids, slots);
        Require.length("Dispatch", "groupOf", groupOf, 1);
        Require.length("Dispatch", "offsets", offsets, groups + 1L);
        Require.length("Dispatch", "pairs", pairs, ids.getSize());
        g.groups(offsets, groups);
        switch (g.target().choose().body()) {
            case HOST -> g
                    .task(id,
                            t -> t.task(id, DispatchHost::dispatch, step, ids, groupOf, offsets, pairs, slots, groups));
            case GPU -> {
                g.task(
                        id,
                        WorkerGrids.groups(1, DispatchGpu.GROUP),
                        t -> t.task(
                                id, DispatchGpu::dispatch, g.context(), step, ids, groupOf, offsets, pairs, slots,
                                groups));
            }
            case PORTABLE -> g.task(
                    id, t -> t.task(id, DispatchPortable::dispatch, step, ids, groupOf, offsets, pairs, slots, groups));
        }
    }

    /**
     * Least work: no floating point, ids in and pairs out.
     *
     * @param rows rows of the step
     * @param slots slots of a row
     * @param groups number of groups
     */
    public static OpCost cost(int rows, int slots, int groups) {
        return new OpCost(0, 8L * rows * slots + 4L * (groups + 1L), 0);
    }
}
