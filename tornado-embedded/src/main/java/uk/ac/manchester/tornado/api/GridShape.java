package uk.ac.manchester.tornado.api;

import io.maseparation.tornado.embedded.EmbeddedDevice;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;

/** A worker grid, checked: work-items and the size of a group in each dimension. */
final class GridShape {
    private static final int DEFAULT_GROUP = 64;
    private static final int DIMENSIONS = 3;

    private final int[] global = new int[DIMENSIONS];
    private final int[] local = new int[DIMENSIONS];

    /** @throws TornadoRuntimeException if the grid is one that a GPU refuses */
    GridShape(WorkerGrid grid) {
        long[] globalWork = grid.getGlobalWork();
        long[] localWork = grid.getLocalWork();
        long[] offset = grid.getGlobalOffset();
        for (int d = 0; d < DIMENSIONS; d++) {
            if (offset[d] != 0) {
                throw new TornadoRuntimeException("a global offset of " + offset[d] + "; only 0 is supported");
            }
            if (globalWork[d] < 1 || globalWork[d] > Integer.MAX_VALUE) {
                throw new TornadoRuntimeException(
                        "a grid of %,d work-items in dimension %d".formatted(globalWork[d], d));
            }
            global[d] = (int) globalWork[d];
            long size = localWork == null ? defaultLocal(d) : localWork[d];
            if (size < 1 || globalWork[d] % size != 0) {
                throw new TornadoRuntimeException(
                        "%d work-items do not divide into groups of %d".formatted(globalWork[d], size));
            }
            local[d] = (int) size;
        }
        if ((long) local[0] * local[1] * local[2] > EmbeddedDevice.MAX_GROUP) {
            throw new TornadoRuntimeException("a group of %d × %d × %d work-items; a GPU takes up to %d"
                    .formatted(local[0], local[1], local[2], EmbeddedDevice.MAX_GROUP));
        }
        if ((long) groups(0) * groups(1) * groups(2) > Integer.MAX_VALUE) {
            throw new TornadoRuntimeException("more than 2^31-1 groups");
        }
    }

    private int defaultLocal(int dimension) {
        if (dimension > 0) {
            return 1;
        }
        int size = Math.min(DEFAULT_GROUP, global[0]);
        while (global[0] % size != 0) {
            size--;
        }
        return size;
    }

    int global(int dimension) {
        return global[dimension];
    }

    int local(int dimension) {
        return local[dimension];
    }

    private int groups(int dimension) {
        return global[dimension] / local[dimension];
    }

    /** Number of groups. */
    int groups() {
        return groups(0) * groups(1) * groups(2);
    }

    /** Work-items of a group. */
    int items() {
        return local[0] * local[1] * local[2];
    }

    /** Index in one dimension of a work-item within its group. */
    int localId(int item, int dimension) {
        return id(item, dimension, local[0], local[1]);
    }

    /** Index of a group in each dimension. */
    int[] groupId(int group) {
        int[] id = new int[DIMENSIONS];
        for (int d = 0; d < DIMENSIONS; d++) {
            id[d] = id(group, d, groups(0), groups(1));
        }
        return id;
    }

    private static int id(int index, int dimension, int sizeX, int sizeY) {
        return switch (dimension) {
            case 0 -> index % sizeX;
            case 1 -> index / sizeX % sizeY;
            default -> index / sizeX / sizeY;
        };
    }
}
