package uk.ac.manchester.tornado.api;

import org.jspecify.annotations.Nullable;

/** What the grids of one to three dimensions have in common. */
public abstract class AbstractWorkerGrid implements WorkerGrid {
    private long[] global;
    private long @Nullable [] local;
    private long @Nullable [] groups;
    private long[] offset = new long[3];

    AbstractWorkerGrid(long x, long y, long z) {
        global = new long[] {x, y, z};
    }

    private static long @Nullable [] copy(long @Nullable [] values) {
        return values == null ? null : values.clone();
    }

    @Override
    public long[] getGlobalWork() {
        return global.clone();
    }

    @Override
    public long @Nullable [] getLocalWork() {
        return copy(local);
    }

    @Override
    public long @Nullable [] getNumberOfWorkgroups() {
        return copy(groups);
    }

    @Override
    public long[] getGlobalOffset() {
        return offset.clone();
    }

    @Override
    public void setGlobalWork(long x, long y, long z) {
        global = new long[] {x, y, z};
    }

    @Override
    public void setLocalWork(long x, long y, long z) {
        if (x < 1 || y < 1 || z < 1) {
            throw new IllegalArgumentException("a group of %d × %d × %d work-items".formatted(x, y, z));
        }
        local = new long[] {x, y, z};
        groups = new long[] {global[0] / x, global[1] / y, global[2] / z};
    }

    @Override
    public void setNumberOfWorkgroupsToNull() {
        groups = null;
    }

    @Override
    public void setLocalWorkToNull() {
        local = null;
    }

    @Override
    public void setGlobalOffset(long x, long y, long z) {
        offset = new long[] {x, y, z};
    }
}
