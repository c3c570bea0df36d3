package uk.ac.manchester.tornado.api;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** The work-items of one group: their barrier, their warps and their local memory. */
final class WorkGroup {
    /** Work-items of a warp, as on NVIDIA GPUs. */
    static final int WARP = 32;

    private final ItemBarrier barrier;
    private final List<Warp> warps = new ArrayList<>();
    private final List<Object> locals = new ArrayList<>();

    WorkGroup(int items) {
        barrier = new ItemBarrier(items, "a barrier of the group");
        for (int first = 0; first < items; first += WARP) {
            warps.add(new Warp(first, Math.min(WARP, items - first)));
        }
    }

    void barrier() {
        barrier.await();
    }

    Warp warp(int item) {
        return warps.get(item / WARP);
    }

    synchronized Object local(int index, Supplier<Object> allocation) {
        if (index == locals.size()) {
            locals.add(allocation.get());
        }
        return locals.get(index);
    }

    /** A work-item is done: those who wait for it would wait for ever. */
    void finished(int item) {
        barrier.leave();
        warp(item).barrier.leave();
    }

    void failed() {
        barrier.fail();
        warps.forEach(w -> w.barrier.fail());
    }

    /** Values that the work-items of a warp show each other. */
    static final class Warp {
        private final int first;
        private final float[] values;
        private final ItemBarrier barrier;

        Warp(int first, int size) {
            this.first = first;
            values = new float[size];
            barrier = new ItemBarrier(size, "a warp operation");
        }

        float sum(int item, float value) {
            return exchange(item, value, () -> {
                // The butterfly of a GPU: partners at distance 16, 8, 4, 2, 1; absent lanes count as 0.
                float[] sums = java.util.Arrays.copyOf(values, WARP);
                for (int distance = WARP / 2; distance > 0; distance /= 2) {
                    float[] next = new float[WARP];
                    for (int lane = 0; lane < WARP; lane++) {
                        next[lane] = sums[lane] + sums[lane ^ distance];
                    }
                    sums = next;
                }
                return sums[item - first];
            });
        }

        float down(int item, float value, int delta) {
            return exchange(item, value, () -> {
                int lane = item - first + delta;
                return lane < values.length ? values[lane] : value;
            });
        }

        float first(int item, float value) {
            return exchange(item, value, () -> values[0]);
        }

        private float exchange(int item, float value, Supplier<Float> read) {
            values[item - first] = value;
            barrier.await();
            float result = read.get();
            barrier.await();
            return result;
        }
    }
}
