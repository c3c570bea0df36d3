package io.maseparation.kernels.operations;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * An array of which a step needs the rows on the way to the device or back.
 *
 * @param step [3], on the host: first row, number of rows
 * @param width elements of a row
 * @param array [rows, width]
 */
public record RowTransfer(IntArray step, int width, FloatArray array) {
    /** {@return index of the first element of the step's rows} */
    public int from() {
        return step.get(0) * width;
    }

    /** {@return elements of the step's rows} */
    public int size() {
        return step.get(1) * width;
    }
}
