package uk.ac.manchester.tornado.api;

/** A grid of 2 dimensions. */
public class WorkerGrid2D extends AbstractWorkerGrid {
    /** Number of dimensions. */
    public static final int DIM = 2;

    /** Work-items in each dimension, in groups of a size that the device chooses. */
    public WorkerGrid2D(int x, int y) {
        super(x, y, 1);
    }

    @Override
    public int dimension() {
        return DIM;
    }
}
