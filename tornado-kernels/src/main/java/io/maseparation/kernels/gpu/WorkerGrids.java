package io.maseparation.kernels.gpu;

import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid1D;

/**
 * Worker grids of gpu bodies. A grid covers the most rows that the buffers hold; groups beyond the step's rows idle.
 */
public final class WorkerGrids {
    /** Threads of a warp. */
    public static final int WARP = 32;
    /** Threads of a work-group where each thread has an element. */
    private static final int ELEMENT_GROUP = 256;

    private WorkerGrids() {}

    /** One thread per element, in work-groups of 256. */
    public static WorkerGrid elements(long elements) {
        return groups(Math.toIntExact(Math.ceilDiv(elements, ELEMENT_GROUP)), ELEMENT_GROUP);
    }

    /** A row of {@code groups} work-groups of {@code size} threads. */
    public static WorkerGrid groups(int groups, int size) {
        int global = Math.multiplyExact(Math.max(1, groups), size);
        WorkerGrid1D grid = new WorkerGrid1D(global);
        grid.setGlobalWork(global, 1, 1);
        grid.setLocalWork(size, 1, 1);
        return grid;
    }
}
