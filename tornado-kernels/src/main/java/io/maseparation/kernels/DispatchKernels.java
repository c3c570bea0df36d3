package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Bodies of {@link Dispatch}. All of them give the same integers. */
public final class DispatchKernels {
    /** Threads of the one work-group of the gpu body. */
    static final int GROUP = 256;

    private DispatchKernels() {}

    /** A thread a group: it counts the pairs of lower groups, which is where its own begin, and places its own. */
    public static void portable(
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

    /** One work-group: groups of 256 pairs at a time go to local memory, where the thread of each group finds its own. */
    public static void gpu(
            KernelContext context,
            IntArray step,
            IntArray ids,
            IntArray groupOf,
            IntArray offsets,
            IntArray pairs,
            int slots,
            int groups) {
        int tid = context.localIdx;
        int[] tile = context.allocateIntLocalArray(256);
        int[] next = context.allocateIntLocalArray(groups + 1);
        int from = step.get(0) * slots;
        int to = from + step.get(1) * slots;
        for (int g = tid; g < groups; g += 256) {
            next[g] = 0;
        }
        // Pass 0 counts, pass 1 places.
        for (int pass = 0; pass < 2; pass++) {
            for (int start = from; start < to; start += 256) {
                context.localBarrier();
                int group = -1;
                if (start + tid < to) {
                    int expert = ids.get(start + tid);
                    if (expert >= 0) {
                        group = groupOf.get(expert);
                    }
                }
                tile[tid] = group;
                context.localBarrier();
                int size = TornadoMath.min(256, to - start);
                for (int g = tid; g < groups; g += 256) {
                    int at = next[g];
                    for (int p = 0; p < size; p++) {
                        if (tile[p] == g) {
                            if (pass == 1) {
                                pairs.set(at, start + p);
                            }
                            at = at + 1;
                        }
                    }
                    next[g] = at;
                }
            }
            context.localBarrier();
            if (pass == 0) {
                if (tid == 0) {
                    int sum = 0;
                    for (int g = 0; g < groups; g++) {
                        int size = next[g];
                        next[g] = sum;
                        offsets.set(g, sum);
                        sum = sum + size;
                    }
                    offsets.set(groups, sum);
                }
                context.localBarrier();
            }
        }
    }

    /** A counting sort by one thread: a step has at most a few thousand pairs. */
    public static void host(
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
