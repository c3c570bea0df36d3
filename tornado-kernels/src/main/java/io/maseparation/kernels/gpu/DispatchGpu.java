package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Gpu body of {@code Dispatch}. */
public final class DispatchGpu {
    /** Threads of the one work-group. */
    public static final int GROUP = 256;

    private DispatchGpu() {}

    /**
     * One work-group: groups of 256 pairs at a time go to local memory, where the thread of each group finds its own.
     */
    public static void dispatch(
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
}
