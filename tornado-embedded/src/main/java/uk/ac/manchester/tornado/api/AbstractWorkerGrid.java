package uk.ac.manchester.tornado.api;

/** What the grids of one to three dimensions have in common. */
public abstract class AbstractWorkerGrid implements WorkerGrid {
    private long[] global;
    private long[] local;

    AbstractWorkerGrid(long x, long y, long z) {
        global = new long[] {x, y, z};
    }

    @Override
    public long[] getGlobalWork() {
        return global.clone();
    }

    @Override
    public long[] getLocalWork() {
        return local == null ? null : local.clone();
    }

    @Override
    public void setGlobalWork(long x, long y, long z) {
        global = new long[] {x, y, z};
    }

    @Override
    public void setLocalWork(long x, long y, long z) {
        local = new long[] {x, y, z};
    }

    @Override
    public void setLocalWorkToNull() {
        local = null;
    }
}
