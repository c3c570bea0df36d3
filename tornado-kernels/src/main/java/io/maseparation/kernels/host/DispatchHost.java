package io.maseparation.kernels.host;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Host body of {@code Dispatch}. */
public final class DispatchHost {
    private DispatchHost() {}

    /** A counting sort by one thread: a step has at most a few thousand pairs. */
    public static void dispatch(
            IntArray step, IntArray ids, IntArray groupOf, IntArray offsets, IntArray pairs, int slots, int groups) {
        int from = step.get(0) * slots;
        int to = from + step.get(1) * slots;
        int[] next = new int[groups];
        for (int p = from; p < to; p++) {
            int expert = ids.get(p);
            int group = expert < 0 ? -1 : groupOf.get(expert);
            if (group >= 0) {
                next[group]++;
            }
        }
        int sum = 0;
        for (int g = 0; g < groups; g++) {
            offsets.set(g, sum);
            int size = next[g];
            next[g] = sum;
            sum += size;
        }
        offsets.set(groups, sum);
        for (int p = from; p < to; p++) {
            int expert = ids.get(p);
            int group = expert < 0 ? -1 : groupOf.get(expert);
            if (group >= 0) {
                pairs.set(next[group]++, p);
            }
        }
    }
}
