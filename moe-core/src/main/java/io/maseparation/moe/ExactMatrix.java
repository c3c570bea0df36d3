package io.maseparation.moe;

import io.maseparation.kernels.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads weights of any format as exact doubles, for code that is written for clarity rather than speed. */
public final class ExactMatrix {
    private final WeightMatrix matrix;
    private final MemorySegment segment;

    /**
     * A reader of one matrix.
     *
     * @param matrix what to read; its memory must stay valid
     */
    public ExactMatrix(WeightMatrix matrix) {
        this.matrix = matrix;
        this.segment = matrix.data().getSegment();
    }

    /**
     * {@return element (row, col)}
     *
     * @param row index of the row
     * @param col index of the column
     */
    public double get(int row, int col) {
        long index = matrix.offset() + (long) row * matrix.rowStride() + col;
        return switch (matrix.type()) {
            case F32 -> segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
            case F16 -> Float.float16ToFloat(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES));
            case BF16 -> Float.intBitsToFloat(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, index * Short.BYTES) << 16);
        };
    }

    /**
     * {@return a row, [cols]}
     *
     * @param row index of the row
     */
    public double[] row(int row) {
        double[] values = new double[matrix.cols()];
        for (int c = 0; c < values.length; c++) {
            values[c] = get(row, c);
        }
        return values;
    }

    /**
     * {@return the product with a vector [cols]: [rows]}
     *
     * @param x a vector of as many elements as there are columns
     */
    public double[] times(double[] x) {
        if (x.length != matrix.cols()) {
            throw new IllegalArgumentException("%d columns times %d values".formatted(matrix.cols(), x.length));
        }
        double[] y = new double[matrix.rows()];
        for (int r = 0; r < y.length; r++) {
            double sum = 0;
            for (int c = 0; c < x.length; c++) {
                sum += get(r, c) * x[c];
            }
            y[r] = sum;
        }
        return y;
    }
}
