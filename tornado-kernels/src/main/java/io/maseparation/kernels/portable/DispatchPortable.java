package io.maseparation.kernels.portable;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Portable body of {@code Dispatch}. */
public final class DispatchPortable {
    private DispatchPortable() {}

    /** One thread per group: it counts the pairs of lower groups, which is where its own begin, and places its own. */
    public static void dispatch(
            IntArray step, IntArray ids, IntArray groupOf, IntArray offsets, IntArray pairs, int slots, int groups) {
        int from = step.get(0) * slots;
        int to = from + step.get(1) * slots;
        for (@Parallel int g = 0; g < groups; g++) {
            int next = 0;
            for (int p = from; p < to; p++) {
                int expert = ids.get(p);
                if (expert >= 0) {
                    int group = groupOf.get(expert);
                    if (group >= 0 && group < g) {
                        next++;
                    }
                }
            }
            offsets.set(g, next);
            for (int p = from; p < to; p++) {
                int expert = ids.get(p);
                if (expert >= 0) {
                    if (groupOf.get(expert) == g) {
                        pairs.set(next, p);
                        next++;
                    }
                }
            }
            if (g == groups - 1) {
                offsets.set(groups, next);
            }
        }
    }
}
