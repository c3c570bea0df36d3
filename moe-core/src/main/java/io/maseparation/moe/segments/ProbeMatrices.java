package io.maseparation.moe.segments;

import io.maseparation.kernels.DataType;
import io.maseparation.kernels.DeviceArrays;
import io.maseparation.kernels.WeightMatrix;
import io.maseparation.moe.CounterRandom;
import io.maseparation.moe.UniformValues;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * Random fp16 weight matrices of one shape, each different, behind each other in one array: as many as it takes for
 * none to be in a device's cache when its turn comes again.
 */
public final class ProbeMatrices {
    /**
     * Bytes before the first element in arrays for libraries: TornadoVM's arrays begin 16 bytes after where a device's
     * memory is aligned, and libraries have their fastest kernels for what is aligned itself.
     */
    static final int LEAD_BYTES = 240;

    private static final int FILLED = 1 << 20;

    private final int outputs;
    private final int cols;
    private final int copies;
    private final HalfFloatArray own;
    private final HalfFloatArray aligned;

    /**
     * Makes the matrices, twice: as kernels here read them, and as libraries do.
     *
     * @param outputs rows of a matrix
     * @param cols columns
     * @param copies number of matrices
     * @throws ArithmeticException if they are more than an array can have
     */
    public ProbeMatrices(int outputs, int cols, int copies) {
        this.outputs = outputs;
        this.cols = cols;
        this.copies = copies;
        int elements = Math.multiplyExact(Math.multiplyExact(outputs, cols), copies);
        int lead = lead(DataType.F16);
        own = DeviceArrays.halves(elements);
        aligned = DeviceArrays.halves(Math.addExact(elements, lead));
        UniformValues values = UniformValues.of(DataType.F16, 1 / Math.sqrt(cols));
        MemorySegment data = own.getSegment();
        IntStream.range(0, Math.ceilDiv(elements, FILLED)).parallel().forEach(part -> {
            long from = (long) part * FILLED;
            values.fill(data, from, 1, from, Math.min(elements, from + FILLED));
        });
        MemorySegment.copy(data, 0, aligned.getSegment(), (long) Short.BYTES * lead, (long) Short.BYTES * elements);
    }

    /** Elements of a type before the first in arrays for libraries. */
    static int lead(DataType type) {
        return LEAD_BYTES / type.bytes();
    }

    /** Rows of a matrix. */
    public int outputs() {
        return outputs;
    }

    /** Columns of a matrix. */
    public int cols() {
        return cols;
    }

    /** Number of matrices. */
    public int copies() {
        return copies;
    }

    /** A matrix for kernels. */
    WeightMatrix matrix(int copy) {
        return new WeightMatrix(DataType.F16, own, copy * outputs * cols, outputs, cols, cols);
    }

    /** All of them, for libraries. */
    HalfFloatArray aligned() {
        return aligned;
    }

    /** Place of a matrix's first element in {@link #aligned}. */
    int place(int copy) {
        return lead(DataType.F16) + copy * outputs * cols;
    }

    /** Random numbers with a deviation of 1, not rounded to fp16. */
    static float x(int which, int row, int cols, int column) {
        double uniform = CounterRandom.uniform(CounterRandom.key(2, which), (long) row * cols + column);
        return (float) ((2 * uniform - 1) * Math.sqrt(3));
    }

    /** All of {@link #x}, of a number of rows. */
    FloatArray x(int which, int rows) {
        FloatArray x = DeviceArrays.floats(Math.multiplyExact(rows, cols));
        IntStream.range(0, rows).parallel().forEach(row -> {
            for (int c = 0; c < cols; c++) {
                x.set(row * cols + c, x(which, row, cols, c));
            }
        });
        return x;
    }

    /** The same as libraries read it: the nearest fp16, after what is before the first. */
    HalfFloatArray halves(int which, int rows) {
        int lead = lead(DataType.F16);
        HalfFloatArray halves = DeviceArrays.halves(Math.addExact(lead, Math.multiplyExact(rows, cols)));
        MemorySegment data = halves.getSegment();
        IntStream.range(0, rows).parallel().forEach(row -> {
            for (int c = 0; c < cols; c++) {
                data.setAtIndex(ValueLayout.JAVA_SHORT, lead + row * cols + c,
                        Float.floatToFloat16(x(which, row, cols, c)));
            }
        });
        return halves;
    }

    /**
     * {@return an element of a product, in float64}
     *
     * @param copy which matrix
     * @param which x of which products
     * @param row row of x
     * @param output row of the matrix
     * @param rounded whether x is rounded to fp16 first
     */
    double exact(int copy, int which, int row, int output, boolean rounded) {
        MemorySegment data = own.getSegment();
        long at = ((long) copy * outputs + output) * cols;
        double sum = 0;
        for (int c = 0; c < cols; c++) {
            float x = x(which, row, cols, c);
            double w = Float.float16ToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, at + c));
            sum += w * (rounded ? Float.float16ToFloat(Float.floatToFloat16(x)) : x);
        }
        return sum;
    }
}
