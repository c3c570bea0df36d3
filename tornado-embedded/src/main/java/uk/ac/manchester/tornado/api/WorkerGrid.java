package uk.ac.manchester.tornado.api;

/** Number of work-items of a task and how they are grouped, in up to three dimensions. */
public interface WorkerGrid {
    /** Number of dimensions. */
    int dimension();

    /** Work-items in each dimension. */
    long[] getGlobalWork();

    /** Work-items of a group in each dimension; null to leave it to the device. */
    long[] getLocalWork();

    /** Sets the work-items in each dimension. */
    void setGlobalWork(long x, long y, long z);

    /** Sets the work-items of a group in each dimension. */
    void setLocalWork(long x, long y, long z);

    /** Leaves the size of a group to the device. */
    void setLocalWorkToNull();
}
