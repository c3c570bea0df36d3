package uk.ac.manchester.tornado.api;

import org.jspecify.annotations.Nullable;

/** Number of work-items of a task and how they are grouped, in up to three dimensions. */
public interface WorkerGrid {
    /** Number of dimensions. */
    int dimension();

    /** Work-items in each of the three dimensions. */
    long[] getGlobalWork();

    /** Work-items of a group in each dimension; null to leave it to the device. */
    long @Nullable [] getLocalWork();

    /** Groups in each dimension; null until the size of a group is set. */
    long @Nullable [] getNumberOfWorkgroups();

    /** First work-item of each dimension. */
    long[] getGlobalOffset();

    /** Sets the work-items in each dimension. */
    void setGlobalWork(long x, long y, long z);

    /** Sets the work-items of a group in each dimension. */
    void setLocalWork(long x, long y, long z);

    /** Forgets the number of groups. */
    void setNumberOfWorkgroupsToNull();

    /** Leaves the size of a group to the device. */
    void setLocalWorkToNull();

    /** Sets the first work-item of each dimension; only 0 can be run here. */
    void setGlobalOffset(long x, long y, long z);
}
