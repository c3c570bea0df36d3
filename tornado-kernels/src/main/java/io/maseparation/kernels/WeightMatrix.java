package io.maseparation.kernels;

import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A view of a row-major matrix inside a TornadoVM array: element (r, c) is {@code data[offset + r * rowStride + c]}.
 * A view never copies, so that ranks holding parts of a tensor share its memory with each other.
 *
 * @param type format of the elements; decides the class of {@code data}: FloatArray, HalfFloatArray or BFloat16Array
 * @param data the array
 * @param offset index of element (0, 0)
 * @param rows number of rows (outputs of a projection)
 * @param cols number of columns (inputs of a projection)
 * @param rowStride elements between the starts of two rows; 0 where all of them are the same memory
 */
public record WeightMatrix(DataType type, TornadoNativeArray data, int offset, int rows, int cols, int rowStride) {

    public WeightMatrix {
        if (rows < 0 || cols < 0 || offset < 0 || (rowStride < cols && rowStride != 0)) {
            throw new IllegalArgumentException(
                    "matrix view %d x %d, offset %d, stride %d".formatted(rows, cols, offset, rowStride));
        }
        long end = rows == 0 ? offset : offset + (rows - 1L) * rowStride + cols;
        if (end > data.getSize()) {
            throw new IllegalArgumentException(
                    "matrix view ends at element %d of an array of %d".formatted(end, data.getSize()));
        }
    }

    /** The whole of an array as a dense matrix. */
    public static WeightMatrix dense(DataType type, TornadoNativeArray data, int rows, int cols) {
        return new WeightMatrix(type, data, 0, rows, cols, cols);
    }

    /**
     * Rows {@code from} (inclusive) to {@code to} (exclusive): what tensor parallelism splits of a column-parallel
     * layer.
     */
    public WeightMatrix rowRange(int from, int to) {
        java.util.Objects.checkFromToIndex(from, to, rows);
        return new WeightMatrix(type, data, offset + from * rowStride, to - from, cols, rowStride);
    }

    /**
     * Columns {@code from} (inclusive) to {@code to} (exclusive): what tensor parallelism splits of a row-parallel
     * layer.
     */
    public WeightMatrix colRange(int from, int to) {
        java.util.Objects.checkFromToIndex(from, to, cols);
        return new WeightMatrix(type, data, offset + from, rows, to - from, rowStride);
    }

    /** Bytes of the elements in view. */
    public long bytes() {
        return (long) rows * cols * type.bytes();
    }
}
