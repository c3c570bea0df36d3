package uk.ac.manchester.tornado.api;

/** A grid of 3 dimensions. */
public class WorkerGrid3D extends AbstractWorkerGrid {
    /** Number of dimensions. */
    public static final int DIM = 3;

    /** Work-items in each dimension, in groups of a size that the device chooses. */
    public WorkerGrid3D(int x, int y, int z) {
        super(x, y, z);
    }

    @Override
    public int dimension() {
        return DIM;
    }
}
